// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/combinators.hpp>
#include <percore/contract/combinators.hpp>

#include <tuple>
#include <type_traits>

namespace percore {

static_assert(std::is_same_v<decltype(when_all(std::declval<Task<int>>(), std::declval<Task<>>())),
                             Task<std::tuple<int, Nothing>>>,
              "when_all(Task<int>, Task<void>) gives Task<std::tuple<int, Nothing>>");
static_assert(std::is_same_v<decltype(when_all(std::declval<std::vector<Task<int>>>())),
                             Task<std::vector<int>>>,
              "when_all(std::vector<Task<int>>) gives Task<std::vector<int>>");
static_assert(std::is_same_v<decltype(join_all(std::declval<std::vector<JoinHandle<int>>>())),
                             Task<std::vector<int>>>,
              "join_all(std::vector<JoinHandle<int>>) gives Task<std::vector<int>>");
static_assert(
    std::is_same_v<decltype(when_any(std::declval<std::vector<Task<int>>>())), Task<FirstOf<int>>>,
    "when_any(std::vector<Task<int>>) gives Task<FirstOf<int>>");
static_assert(
    std::is_same_v<decltype(with_timeout(std::declval<Task<int>>(), Time{})), Task<Result<int>>>,
    "with_timeout(Task<int>, Time) gives Task<Result<int>>");

}  // namespace percore
