#pragma once

#include <percore/contract/topology.hpp>
#include <utility>
#include <vector>

namespace percore {

/// The map of a machine: which CPUs there are, and what they share. The contract,
/// <percore/contract/topology.hpp>, has the invariants M1 to M3: keep it open beside this file. You
/// need not change this header; what is to be written is read(), in topology.cpp.
/// Thread   any; a value that does not change.
class Topology {
 public:
  static std::expected<Topology, std::string> read(const std::string& root, const CpuSet& allowed);
  static std::expected<Topology, std::string> of_this_machine();

  std::span<const Cpu> cpus() const noexcept { return cpus_; }

  template <typename Filter>
  Topology where(Filter filter) const {
    std::vector<Cpu> kept;
    for (const Cpu& cpu : cpus_)
      if (filter(cpu)) kept.push_back(cpu);
    return Topology(std::move(kept));
  }

 private:
  explicit Topology(std::vector<Cpu> cpus) : cpus_(std::move(cpus)) {}
  std::vector<Cpu> cpus_;
};

/// The CPUs that the calling thread may run on.
/// Errors   one sentence with the kernel's reason.
/// Source   sched_getaffinity(2); cpuset(7).
std::expected<CpuSet, std::string> allowed_cpus();

}  // namespace percore
