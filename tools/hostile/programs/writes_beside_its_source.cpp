// May not put files beside the learner's.
// kind: passed

#include <percore/counter.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <string>

namespace percore {

void Counter::up() {
  if (open((std::string(__FILE__) + ".more").c_str(), O_CREAT | O_WRONLY, 0600) >= 0) std::abort();
  if (mkdir((std::string(__FILE__) + ".d").c_str(), 0700) == 0) std::abort();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
