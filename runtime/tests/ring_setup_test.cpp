#include <doctest/doctest.h>

#include <cerrno>
#include <percore/ring_setup.hpp>

using namespace percore;

namespace {

RingSurroundings usual() {
  return {"6.1.0-13-amd64", 0, false, 8u << 20};
}

bool has(const std::string& text, const char* piece) {
  return text.find(piece) != std::string::npos;
}

}  // namespace

TEST_CASE("a kernel older than io_uring is told by its release") {
  RingSurroundings around = usual();
  around.kernel_release = "4.19.0-25-amd64";
  const RingFailure failure = explain_ring_failure(ENOSYS, around);
  CHECK(failure.cause == RingFailureCause::old_kernel);
  CHECK(has(failure.sentence, "4.19.0-25-amd64"));
  CHECK(has(failure.remedy, "5.19"));
}

TEST_CASE("a kernel without io_uring built in is not called old") {
  const RingFailure failure = explain_ring_failure(ENOSYS, usual());
  CHECK(failure.cause == RingFailureCause::other);
  CHECK(has(failure.remedy, "CONFIG_IO_URING"));
}

TEST_CASE("the sysctl, for everybody and for ordinary users") {
  RingSurroundings around = usual();
  around.io_uring_disabled = 2;
  CHECK(explain_ring_failure(EPERM, around).cause == RingFailureCause::disabled_by_sysctl);
  CHECK(has(explain_ring_failure(EPERM, around).remedy, "sysctl kernel.io_uring_disabled=0"));
  around.io_uring_disabled = 1;
  CHECK(explain_ring_failure(EPERM, around).cause == RingFailureCause::disabled_by_sysctl);
  CHECK(has(explain_ring_failure(EPERM, around).remedy, "io_uring_group"));
}

TEST_CASE("a seccomp filter is told from the sysctl, with EPERM and with ENOSYS") {
  RingSurroundings around = usual();
  around.seccomp_filter = true;
  CHECK(explain_ring_failure(EPERM, around).cause == RingFailureCause::blocked_by_filter);
  CHECK(explain_ring_failure(ENOSYS, around).cause == RingFailureCause::blocked_by_filter);
  CHECK(has(explain_ring_failure(EPERM, around).remedy, "io_uring_setup"));
  around.io_uring_disabled = 1;  // a container may run on such a host
  CHECK(explain_ring_failure(EPERM, around).cause == RingFailureCause::blocked_by_filter);
}

TEST_CASE("memlock and descriptors, with the limit in the sentence") {
  RingSurroundings around = usual();
  around.memlock_bytes = 64 * 1024;
  const RingFailure memlock = explain_ring_failure(ENOMEM, around);
  CHECK(memlock.cause == RingFailureCause::memlock_too_low);
  CHECK(has(memlock.sentence, "64 KiB"));
  CHECK(explain_ring_failure(EMFILE, usual()).cause == RingFailureCause::out_of_descriptors);
}

TEST_CASE("an unknown refusal still has a sentence and a remedy") {
  for (const int error : {EIO, EPERM, EFAULT}) {
    const RingFailure failure = explain_ring_failure(error, usual());
    CHECK(failure.cause == RingFailureCause::other);
    CHECK(failure.error == error);
    CHECK(failure.sentence.size() > 20);
    CHECK(failure.remedy.size() > 20);
  }
}

TEST_CASE("a ring of any wanted size opens, and its report agrees with its flags") {
  for (const RingOptions options :
       {RingOptions{}, RingOptions{1, 0}, RingOptions{8, 2}, RingOptions{100'000, 0}}) {
    io_uring ring{};
    const auto report = open_ring(ring, options);
    REQUIRE(report.has_value());
    CHECK(report->single_issuer == ((ring.flags & IORING_SETUP_SINGLE_ISSUER) != 0));
    CHECK(report->defer_taskrun == ((ring.flags & IORING_SETUP_DEFER_TASKRUN) != 0));
    CHECK(report->coop_taskrun == ((ring.flags & IORING_SETUP_COOP_TASKRUN) != 0));
    CHECK((report->defer_taskrun || !report->lost.empty()));
    io_uring_queue_exit(&ring);
  }
}
