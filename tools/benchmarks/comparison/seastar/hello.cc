// Hello from each shard; Seastar starts one on each core that the process may use.
#include <fmt/core.h>

#include <seastar/core/app-template.hh>
#include <seastar/core/coroutine.hh>
#include <seastar/core/smp.hh>

seastar::future<> hello() {
  const unsigned count = seastar::this_smp_shard_count();
  fmt::print("Hello from shard {} of {}\n", seastar::this_shard_id(), count);
  co_return;
}

int main(int argument_count, char** arguments) {
  seastar::app_template app;
  return app.run(argument_count, arguments, [] { return seastar::smp::invoke_on_all(hello); });
}
