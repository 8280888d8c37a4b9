#pragma once

#include <file_work.hpp>

#include <cstdio>
#include <percore/dma_file.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/// How the programs for files speak of what goes wrong.
namespace bench {

/// The value; without one the program ends with `path` and `what` went wrong there.
template <typename T>
T must(percore::Result<T> result, std::string_view path, const char* what) {
  if (!result) file_failed(std::string(path), what, result.error().value());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// Opens it, and says on standard error where the page cache had to be used.
inline percore::Task<percore::DmaFile> open_file(percore::DmaArena& arena, std::string path,
                                                 percore::DmaOpen how) {
  percore::Result<percore::DmaFile> file = co_await percore::DmaFile::open(arena, path, how);
  percore::DmaFile opened = must(std::move(file), path, "it cannot be opened");
  if (!opened.direct()) std::fprintf(stderr, "%s\n", opened.why_not_direct().c_str());
  co_return opened;
}

}  // namespace bench
