// A TCP server that sends back what it gets, on port 7000 of loopback. It ends with a signal.
#include <fmt/core.h>

#include <exception>
#include <seastar/core/app-template.hh>
#include <seastar/core/coroutine.hh>
#include <seastar/core/gate.hh>
#include <seastar/core/seastar.hh>
#include <seastar/core/signal.hh>
#include <seastar/net/api.hh>

// The holder keeps the gate from closing while the connection is served.
seastar::future<> serves(seastar::connected_socket connection, seastar::gate::holder) {
  auto in = connection.input();
  auto out = connection.output();
  std::exception_ptr failure;
  try {
    for (;;) {
      auto got = co_await in.read();
      if (got.empty()) break;
      co_await out.write(std::move(got));
      co_await out.flush();
    }
  } catch (...) {
    failure = std::current_exception();  // no co_await inside a catch
  }
  if (failure) fmt::print("a connection has failed\n");
  try {
    co_await out.close();
  } catch (...) {
  }
}

seastar::future<> accepts(seastar::server_socket& listener, seastar::gate& connections) {
  try {
    for (;;) {
      seastar::accept_result accepted = co_await listener.accept();
      (void)serves(std::move(accepted.connection), connections.hold());
    }
  } catch (...) {  // abort_accept()
  }
}

seastar::future<> serves_until_a_signal() {
  seastar::listen_options options;
  options.reuse_address = true;
  const seastar::ipv4_addr address("127.0.0.1", 7000);
  auto listener = seastar::listen(seastar::make_ipv4_address(address), options);
  fmt::print("listening on port {}\n", listener.local_address().port());

  seastar::gate connections;
  seastar::promise<> stop;
  seastar::handle_signal(SIGINT, [&stop] { stop.set_value(); }, true);
  auto accepting = accepts(listener, connections);
  co_await stop.get_future();
  listener.abort_accept();
  co_await std::move(accepting);
  co_await connections.close();
}

int main(int argument_count, char** arguments) {
  seastar::app_template app;
  return app.run(argument_count, arguments, serves_until_a_signal);
}
