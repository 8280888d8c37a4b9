// 02.5 sync, once on the kernel.

#include <percore/check.hpp>
#include <percore/executor.hpp>
#include <percore/sync.hpp>
#include <percore/timer.hpp>
#include <vector>

using percore::JoinHandle;
using percore::spawn;
using percore::Task;
using percore::Time;
using percore::check::require;

namespace {

struct Service {
  percore::Gate gate;
  percore::Semaphore places{3};
  percore::Event open;
  unsigned inside = 0;
  unsigned served = 0;
};

Task<> visits(Service& service) {
  const auto pass = service.gate.enter();
  require(pass.has_value(), "on the kernel an open gate turned somebody away");
  co_await service.open.wait();
  const percore::SemaphoreUnits place = co_await service.places.hold();
  require(++service.inside <= 3, "on the kernel {} tasks were inside, and there are 3 units",
          service.inside);
  static_cast<void>(co_await percore::sleep_for(Time{300'000}));
  --service.inside;
  ++service.served;
}
Task<> serves(Service& service) {
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < 10; ++i) handles.push_back(spawn(visits(service)));
  co_await percore::yield();
  service.open.set();
  co_await service.gate.close();
  require(service.served == 10, "on the kernel the gate's close() ended when {} of 10 had left",
          service.served);
  for (auto& handle : handles) co_await handle;
}

}  // namespace

PERCORE_CHECK("gate", on_the_kernel_a_service_ends, "S5",
              "close() ends when the last one inside has left", "Lesson 02, *The gate*") {
  Service service;
  run.waits_for("ten tasks that share three units, on the kernel");
  percore::Executor executor({.ring = {.entries = 8}});
  executor.run(serves(service));
}
