// What the pictures say of small records written by hand.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <layout.hpp>
#include <perfetto.hpp>
#include <story.hpp>
#include <svg.hpp>
#include <text.hpp>

#include <algorithm>
#include <sstream>

namespace {

using namespace percore::trace;

constexpr const char* two_writes =
    R"({"record":1,"run":1,"seed":7}
{"time":0,"kind":"ring_opened","ring":1,"length":8,"offset":16}
{"time":400,"kind":"enter","ring":1,"result":1,"length":2}
{"time":400,"kind":"submitted","ring":1,"operation":1,"opcode":"IORING_OP_WRITE","fd":1,"length":18}
{"time":400,"kind":"submitted","ring":1,"operation":2,"opcode":"IORING_OP_WRITE","fd":1,"length":18}
{"time":400,"kind":"slept","ring":1,"result":1}
{"time":900,"kind":"finished","ring":1,"operation":2,"result":18}
{"time":900,"kind":"posted","ring":1,"operation":2,"result":18}
{"time":900,"kind":"enter_returned","ring":1,"result":2}
{"time":900,"kind":"harvested","ring":1,"operation":2}
{"time":1300,"kind":"enter","ring":1,"result":1}
{"time":1300,"kind":"finished","ring":1,"operation":1,"result":-5}
{"time":1300,"kind":"posted","ring":1,"operation":1,"result":-5}
{"time":1300,"kind":"enter_returned","ring":1}
)";

Run only_run(const std::string& record) {
  auto runs = read_record(record);
  REQUIRE(runs.size() == 1);
  return runs.front();
}

std::string text_of(const std::string& record, TextOptions options = {}) {
  if (options.title.empty()) options.title = "test";
  return to_text(only_run(record), options);
}

// So many turns: one operation each, of one kind.
std::string turns(unsigned count, const char* opcode, std::uint64_t first = 1) {
  std::ostringstream out;
  for (std::uint64_t i = first; i < first + count; ++i)
    out << R"({"time":)" << i * 1000 << R"(,"kind":"enter","ring":1,"result":1,"length":1})" << '\n'
        << R"({"time":)" << i * 1000 << R"(,"kind":"submitted","ring":1,"operation":)" << i
        << R"(,"opcode":"IORING_OP_)" << opcode << R"(","fd":1})" << '\n'
        << R"({"time":)" << i * 1000 + 500 << R"(,"kind":"posted","ring":1,"operation":)" << i
        << "}\n"
        << R"({"time":)" << i * 1000 + 500 << R"(,"kind":"enter_returned","ring":1})" << '\n';
  return out.str();
}

const std::string header = "{\"record\":1,\"run\":1,\"seed\":3}\n";

bool has(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("a record is read up to where its writer was stopped") {
  std::string record = two_writes;
  record += "{\"time\":1700,\"kind\":\"ent";         // killed in the middle of a line
  record += std::string(100, '\0') + "\n" + header;  // of an older, longer file
  const Run run = only_run(record);
  CHECK(run.seed == 7);
  CHECK(run.events.size() == 13);
  CHECK(run.events[2].opcode == "WRITE");
  CHECK(run.events[2].fd == 1);
  CHECK(run.events[10].result == -5);
}

TEST_CASE("completions that were never given back are named where the ring closes") {
  const std::string closed = R"({"time":1400,"kind":"ring_closed","ring":1})";
  CHECK(has(text_of(two_writes + closed + "\n"),
            "ring 1 closes; the completion of 1 was never given back"));
  const std::string taken = R"({"time":1350,"kind":"harvested","ring":1,"operation":1})";
  CHECK_FALSE(has(text_of(two_writes + taken + "\n" + closed + "\n"), "never given back"));
}

TEST_CASE("several runs, a newer format, and what is no record") {
  CHECK(read_record(header + header + two_writes).size() == 3);
  CHECK(read_record("{\"record\":2,\"run\":1,\"seed\":3}\n").empty());
  CHECK(read_record("hello\n{}\n{\"time\":1}\n").empty());
  CHECK(read_record("").empty());
}

TEST_CASE("unknown kinds and fields are told plainly, and words keep their quotes") {
  const std::string text = text_of(header +
                                   R"({"time":5,"kind":"teleported","colour":"red","operation":9}
{"time":6,"kind":"mark","what":"note","lane":"task 1","text":"says \"no\" and \\"}
)");
  CHECK(has(text, "teleported 9"));
  CHECK(has(text, R"(task 1: says "no" and \)"));
}

TEST_CASE("a fault says whether it struck an operation or an enter") {
  const auto fault = [](const char* fields) {
    return text_of(header + R"({"time":5,"kind":"fault","ring":1)" + fields + "}\n");
  };
  CHECK(has(fault(R"(,"operation":3,"result":13)"),
            "fault at operation 3: only 13 of its bytes are moved"));
  CHECK(has(fault(R"(,"result":3)"), "fault: only 3 of the entries are taken"));
  CHECK(has(fault(R"(,"operation":3,"result":-4)"), "fault at operation 3: -EINTR"));
  CHECK(has(fault(R"(,"result":-4)"), "fault: -EINTR"));
}

TEST_CASE("what completes at once has a column each, and nothing below its end") {
  std::string record = header;
  for (unsigned i = 1; i <= 12; ++i) {
    const std::string at =
        R"({"time":400,"ring":1,"operation":)" + std::to_string(i) + R"(,"kind":)";
    record += at + R"("submitted","opcode":"IORING_OP_WRITE","fd":1,"length":18})" + "\n" + at +
              R"("posted","result":18})" + "\n";
  }
  const std::string text = text_of(record, {.title = "test", .columns = 64});
  CHECK(has(text, "at most 1 in flight"));
  CHECK(has(text, "  ●●●●●●●●●●●●  1-12, each"));
  CHECK(has(text, "\n" + std::string(25, ' ')));  // the line is wrapped
  CHECK(text.find("│") == text.rfind("│"));       // only the legend has one
}

TEST_CASE("a column for each operation, from its submission to its completion") {
  const std::string text = text_of(two_writes);
  CHECK(has(text, "2 operations, 2 enters, 1 sleep, at most 2 in flight, 1.30 us"));
  CHECK(has(text, "  ╷╷         1, 2, each: WRITE of 18 bytes on descriptor 1"));
  CHECK(has(text, "  ││         sleeps 0.50 us until 1 completion is there"));
  CHECK(has(text, "  │●         2 completes: 18"));
  CHECK(has(text, "  │          takes the completion of 2"));
  CHECK(has(text, "  ✕          1 completes: -EIO"));
  CHECK_FALSE(has(text, "\x1b"));
  CHECK(has(text_of(two_writes, {.title = "test", .columns = 80, .colours = true, .full = false}),
            "\x1b["));
}

TEST_CASE("turns that repeat are drawn once, and all of them when asked for") {
  const std::string record = header + turns(20, "NOP") + turns(2, "READ", 21);
  const std::string text = text_of(record);
  CHECK(has(text, "... 19 turns like this one: operations 2 to 20, until 20.50 us"));
  CHECK(has(text, "enter 21: hands over 1, waits for 1"));
  const std::string full =
      text_of(record, {.title = "test", .columns = 80, .colours = false, .full = true});
  CHECK_FALSE(has(full, "turns like"));
  CHECK(has(full, "enter 13: "));
}

TEST_CASE("a pattern of two turns is folded as one") {
  std::string record = header;
  for (std::uint64_t i = 1; i < 21; i += 2) record += turns(1, "NOP", i) + turns(1, "READ", i + 1);
  CHECK(has(text_of(record), "... 18 turns like the last 2: operations 3 to 20"));
}

TEST_CASE("lines keep to the width") {
  std::string record = two_writes;
  record += R"({"time":1300,"kind":"violation","rule":"never_completed","sentence":")";
  for (int i = 0; i < 60; ++i) record += "word ";
  record += "\"}\n";
  for (const unsigned columns : {60U, 80U, 100U}) {
    std::istringstream lines(
        text_of(record, {.title = "test", .columns = columns, .colours = false, .full = false}));
    for (std::string line; std::getline(lines, line);) {
      const auto characters = std::ranges::count_if(
          line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
      CHECK_MESSAGE(static_cast<unsigned>(characters) <= std::max(columns, 75U), line);
    }
  }
}

TEST_CASE("of a crowd of completions the first and the last are shown") {
  std::string record =
      header + "{\"time\":1,\"kind\":\"enter\",\"ring\":1,\"result\":50,\"length\":50}\n";
  for (const std::string kind : {"submitted", "posted"})
    for (int i = 1; i <= 50; ++i)
      record += "{\"time\":" + std::to_string(kind == "posted" ? 10 * i : 1) + ",\"kind\":\"" +
                kind + "\",\"ring\":1,\"operation\":" + std::to_string(i) +
                ",\"opcode\":\"IORING_OP_NOP\"}\n";
  const std::string text = text_of(record);
  CHECK(has(text, "... 42 more complete"));
  CHECK(has(text, "4 completes: 0"));
  CHECK_FALSE(has(text, " 5 completes: 0"));
  CHECK(has(text, "50 completes: 0"));
  CHECK(has(text, "+30"));
}

TEST_CASE("an operation that never ends stays in flight, in every picture") {
  const Run run = only_run(header + R"({"time":1,"kind":"enter","ring":1,"result":1,"length":1}
{"time":1,"kind":"submitted","ring":1,"operation":1,"opcode":"IORING_OP_READ","fd":0,"length":8}
{"time":2,"kind":"slept","ring":1,"result":1}
{"time":2,"kind":"violation","rule":"sleeps_for_ever","sentence":"nothing <ends> this & that"}
)");
  CHECK(has(to_text(run, {.title = "test"}), "BROKEN: nothing <ends> this & that"));
  const std::string svg = to_svg(run, {.title = "a<b"});
  CHECK(has(svg, "a&lt;b on the simulated ring"));
  CHECK(has(svg, "nothing &lt;ends&gt; this &amp; that"));
  CHECK(has(svg, "class=\"flying\""));
  CHECK(has(to_perfetto(run, "test"), R"("args":{"result":"none"})"));
}

TEST_CASE("a drawing that would be too long is cut, and says so") {
  std::string record = header;
  for (std::uint64_t i = 1; i < 900; ++i)
    record += turns(1, i % 7 == 0 || i % 11 < 4 ? "NOP" : "READ", i);
  const Run run = only_run(record);
  const std::string svg = to_svg(run, {.title = "long"});
  CHECK(has(svg, "Cut here: "));
  CHECK_FALSE(has(to_svg(run, {.title = "long", .full = true}), "Cut here: "));
}

TEST_CASE("bars of one executor never lie upon one another") {
  std::string record = header;
  for (int i = 1; i <= 200; ++i) {
    record += "{\"time\":1,\"kind\":\"submitted\",\"executor\":" + std::to_string(i % 2) +
              ",\"operation\":" + std::to_string(i) + ",\"opcode\":\"IORING_OP_NOP\"}\n";
    if (i > 5)
      record += "{\"time\":1,\"kind\":\"posted\",\"operation\":" + std::to_string(i - 5) + "}\n";
  }
  const Run run = only_run(record);
  const Story story = understand(run, false);
  const Layout layout = lay_out(story, {});
  CHECK(story.executors == 2);
  CHECK(layout.widths.size() > 1);
  CHECK(layout.operations.size() == 200);
  for (const Bar& one : layout.operations)
    for (const Bar& other : layout.operations)
      if (&one != &other && one.executor == other.executor && one.row == other.row)
        CHECK((one.end < other.begin || other.end < one.begin));
}
