// The smallest program that pins: it names one CPU, and asks the kernel whether it is there.
#include <sched.h>

#include <cstdio>

int main() {
  cpu_set_t allowed;  // 1. the CPUs that this thread may use now
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    std::perror("the CPUs of this thread cannot be asked for");
    return 3;
  }
  int last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(last, &allowed)) --last;
  std::printf("this thread may use %d CPUs, the last one is CPU %d\n", CPU_COUNT(&allowed), last);

  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(last, &one);
  if (sched_setaffinity(0, sizeof one, &one) != 0) {  // 2. from now on that one, and no other
    std::perror("this thread cannot be pinned");
    return 1;
  }
  const bool there = sched_getcpu() == last;  // 3. the kernel's word for it
  std::printf("pinned; is it there? %s\n", there ? "yes" : "no");

  CPU_ZERO(&one);
  CPU_SET(CPU_SETSIZE - 1, &one);
  const int refused = sched_setaffinity(0, sizeof one, &one);  // 4. a CPU that is not there
  std::printf("pinned to CPU %d: %s\n", CPU_SETSIZE - 1, refused == 0 ? "yes" : "refused");
  std::printf("is it still there? %s\n", sched_getcpu() == last ? "yes" : "no");
}
