// May not leave shared memory, semaphores or message queues behind.
// kind: passed

#include <percore/counter.hpp>

#include <fcntl.h>
#include <mqueue.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include <cstdlib>

namespace percore {

void Counter::up() {
  if (shmget(0x70637031, 4096, IPC_CREAT | 0600) >= 0) std::abort();
  if (semget(0x70637031, 1, IPC_CREAT | 0600) >= 0) std::abort();
  if (msgget(0x70637031, IPC_CREAT | 0600) >= 0) std::abort();
  if (shm_open("/percore-hostile", O_CREAT | O_RDWR, 0600) >= 0) std::abort();
  mq_attr attributes{};
  attributes.mq_maxmsg = attributes.mq_msgsize = 1;
  if (mq_open("/percore-hostile", O_CREAT | O_RDWR, 0600, &attributes) >= 0) std::abort();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
