"""gdb commands for a live program on percore: `source tools/gdb/percore.py`, then

    percore tasks    every coroutine that is suspended: function, line, what it waits for
    percore ring     each executor on the threads: its ring, run queue and tasks

The program needs debug information (-g). Nothing in it is called and nothing changed. Known: g++ 12 and clang 19, with
and without optimisation. How a frame is read:

- A coroutine's resume function is called X.resume by clang and X.actor by g++; both have an X.destroy. Frames are found
  as words in memory (heap and stacks) that hold these two addresses one behind the other.
- The suspend index counts a function's co_awaits in their order, the initial suspend point first: the line is that of
  the nth co_await in the source. Where the debug information does not say where the index lies (clang, optimised), the
  instructions at the beginning of the resume function do.
- Who awaits: a promise of ours begins with its continuation, which points to the awaiting frame or into it.
"""

import bisect
import re
import struct

import gdb

WORD = 8
FRAME_BYTES = 1024  # a pooled frame is no larger; of others the beginning is enough
REGION_BYTES_MAX = 512 << 20


def output(command):
    return gdb.execute(command, to_string=True)


class Coroutine:
    """A coroutine function of the program."""

    def __init__(self, symbol):
        self.symbol = symbol  # mangled, without .resume
        self.resume = self.destroy = 0
        self.name, self.file, self.line = symbol, "", 0
        self.index = None  # (offset, bytes, step)
        self.awaits = []


def coroutines():
    """All coroutines of the program, by the address of their destroy function."""
    found = {}
    for address, name in symbols():
        base, _, kind = name.rpartition(".")
        if kind not in ("resume", "actor", "destroy"):
            continue
        one = found.setdefault(base, Coroutine(base))
        setattr(one, "destroy" if kind == "destroy" else "resume", address)
    whole = [one for one in found.values() if one.resume and one.destroy]
    if whole and all(gdb.find_pc_line(one.resume).symtab is None for one in whole):
        raise gdb.GdbError(NOT_BUILT_FOR_THIS)
    for one in whole:
        describe(one)
    return {one.destroy: one for one in whole}


def symbols():
    """(address, mangled name) of each function of the program's own file."""
    path = gdb.current_progspace().filename
    if not path:
        raise gdb.GdbError("there is no program: `file PROGRAM` first")
    found, start = read_elf_symbols(path)
    bias = load_bias(path, start)
    return [(address + bias, name) for address, name in found]


def read_elf_symbols(path):
    """The function symbols of a 64-bit ELF file, and the lowest address that it is linked for."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:5] != b"\x7fELF\x02":
        raise gdb.GdbError(f"{path} is no 64-bit ELF file")
    program_at, section_at = struct.unpack_from("<QQ", data, 32)
    program_size, program_count, section_size, section_count = struct.unpack_from("<HHHH", data, 54)
    start = min(struct.unpack_from("<Q", data, program_at + i * program_size + 16)[0]
                for i in range(program_count)
                if struct.unpack_from("<I", data, program_at + i * program_size)[0] == 1)
    out = []
    for i in range(section_count):
        kind, = struct.unpack_from("<I", data, section_at + i * section_size + 4)
        if kind != 2:  # SHT_SYMTAB
            continue
        offset, size, names = struct.unpack_from("<QQI", data, section_at + i * section_size + 24)
        names_at, = struct.unpack_from("<Q", data, section_at + names * section_size + 24)
        for at in range(offset, offset + size, 24):
            name, info, _, _, value, _ = struct.unpack_from("<IBBHQQ", data, at)
            if info & 15 == 2 and value:
                begin = names_at + name
                out.append((value, data[begin:data.index(b"\0", begin)].decode()))
    return out, start


def load_bias(path, start):
    for begin, _, _, where in regions():
        if where == path:
            return begin - (start & ~0xfff)
    return 0


def regions():
    """(begin, end, writable, file) of what is mapped."""
    for line in output("info proc mappings").splitlines():
        words = line.split()
        if len(words) < 4 or not words[0].startswith("0x"):
            continue
        permissions = words[4] if len(words) > 4 and re.fullmatch(r"[-rwxsp]{4}", words[4]) else "rw-p"
        has_permissions = len(words) > 4 and permissions == words[4]
        name = words[5] if has_permissions and len(words) > 5 else words[4] if not has_permissions and len(words) > 4 else ""
        yield int(words[0], 16), int(words[1], 16), "w" in permissions, name


def describe(one):
    place = gdb.find_pc_line(one.resume)
    if place.symtab is not None:
        one.file, one.line = place.symtab.fullname(), place.line
    text = output(f"info symbol {one.resume:#x}").split(" in section")[0]
    demangled = output(f"demangle -- {one.symbol}").strip()
    one.name = short_name(demangled if "an't demangle" not in demangled else text)
    one.awaits = await_lines(one.file, one.line)
    one.index = (index_by_type(one) if one.file else None) or index_by_code(one)


def short_name(name):
    for noise in ("(anonymous namespace)::", "percore::"):
        name = name.replace(noise, "")
    call = name.find("operator()")
    end = name.find("(", call + 10 if call >= 0 else 0)
    return name if end < 0 else name[:end]


def index_by_type(one):
    """Where the frame's type says that the index lies: clang's resume function has a variable of it, g++'s has a
    pointer to it as its parameter."""
    for symbol in gdb.block_for_pc(one.resume) or ():
        frame = symbol.type
        if frame.code in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_REF):
            frame = frame.target()
        if frame.strip_typedefs().code != gdb.TYPE_CODE_STRUCT:
            continue
        for field in frame.fields():
            if field.name in ("__coro_index", "_Coro_resume_index"):
                return field.bitpos // 8, field.type.sizeof, 1 if field.name == "__coro_index" else 2
    return None


def index_by_code(one):
    """The first byte or short that the resume function reads from its frame and compares (x86-64)."""
    try:
        lines = gdb.selected_inferior().architecture().disassemble(one.resume, count=24)
    except (gdb.error, gdb.MemoryError):
        return None
    for line in lines:
        match = re.match(r"(movzbl|movzwl|movb|cmpb|cmpw|movsbl)\s+(?:\$0x[0-9a-f]+,)?0x([0-9a-f]+)\(%r(?:di|bx|14|15|12)\)",
                         re.sub(r"\s+", " ", line["asm"]))
        if match:
            is_short = "w" in match[1][3:]
            return int(match[2], 16), 2 if is_short else 1, 2 if is_short else 1
    return None


def await_lines(path, line):
    """The lines of the co_awaits in the body behind `line`."""
    try:
        with open(path, errors="replace") as file:
            text = file.read()
    except OSError:
        return []
    silent = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\])*"|(?<!\w)\'(?:\\.|[^\'\\])*\'', re.S)
    text = silent.sub(lambda match: "\n" * match[0].count("\n"), text)
    at = 0
    for _ in range(line - 1):
        at = text.find("\n", at) + 1
    depth, out = 0, []
    for match in re.finditer(r"\n|[{}]|\bco_await\b|\bco_yield\b", text[at:]):
        if match[0] == "\n":
            line += 1
        elif match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if depth <= 0:
                break
        elif depth > 0:
            out.append(line)
    return out


NOT_BUILT_FOR_THIS = ("this program was built without -g: build it so that gdb knows its types, "
                      "as in `meson setup build-debug --buildtype=debug`")
TASKS_SHOWN = 100  # `percore tasks all` shows the others, too


class Frame:
    """A coroutine that is suspended, or has ended and not been destroyed."""

    def __init__(self, coroutine, address, memory):
        self.coroutine, self.address, self.memory = coroutine, address, memory
        self.awaited_by = None
        self.number = 0

    def word(self, index):
        at = index * WORD
        return struct.unpack_from("<Q", self.memory, at)[0] if at + WORD <= len(self.memory) else 0

    def holds(self, address):
        return self.address <= address < self.address + len(self.memory)

    def point(self):
        """The suspend point, 0 the initial one; None when not known."""
        if self.coroutine.index is None:
            return None
        offset, size, step = self.coroutine.index
        if offset + size > len(self.memory):
            return None
        index = int.from_bytes(self.memory[offset:offset + size], "little")
        return index if step == 1 else max(index // step - 1, 0)  # g++ counts the initial one as 2

    def place(self):
        point, awaits = self.point(), self.coroutine.awaits
        line = awaits[point - 1] if point and point <= len(awaits) else self.coroutine.line
        return f"{self.coroutine.file.rpartition('/')[2]}:{line}"

    def state(self):
        if self.word(0) == 0:
            return "has ended"
        return "not begun" if self.point() == 0 else "suspended"


def find_frames():
    """All frames in the program's writable memory, by address."""
    known = coroutines()
    if not known:
        raise gdb.GdbError("no coroutines in this program: was it built with its symbols (not stripped)?")
    inferior = gdb.selected_inferior()
    found = []
    for begin, end, writable, _ in regions():
        if not writable or end - begin > REGION_BYTES_MAX:
            continue
        try:
            memory = bytes(inferior.read_memory(begin, end - begin))
        except gdb.MemoryError:
            continue
        for destroy, coroutine in known.items():
            wanted = struct.pack("<Q", destroy)
            at = memory.find(wanted)
            while at >= 0:
                if at % WORD == 0 and at >= WORD:
                    first, = struct.unpack_from("<Q", memory, at - WORD)
                    if first in (0, coroutine.resume):
                        address = begin + at - WORD
                        found.append(Frame(coroutine, address, memory[at - WORD:at - WORD + FRAME_BYTES]))
                at = memory.find(wanted, at + 1)
    found = without_remains(sorted(found, key=lambda frame: frame.address))
    for frame, behind in zip(found, found[1:]):
        frame.memory = frame.memory[:behind.address - frame.address]
    for number, frame in enumerate(found, 1):
        frame.number = number
    link(found)
    return found


def without_remains(frames):
    """Without blocks that our pool has free: the first word of the last one in a list is null, as that of a task that
    has ended, and its destroy function still stands in it."""
    free = set()
    inferior = gdb.selected_inferior()
    for _ in each_thread():
        try:
            lists = gdb.parse_and_eval("percore::frame_pool_detail::pool")["free"]
            low, high = lists.type.range()
            heads = [int(lists[i]) for i in range(low, high + 1)]
        except gdb.error:  # optimised away, or frames come from malloc
            continue
        for block in heads:
            while block and block not in free:
                free.add(block)
                block, = struct.unpack("<Q", bytes(inferior.read_memory(block, WORD)))
    return [frame for frame in frames if frame.address not in free]


def each_thread():
    """Selects one thread after the other, and then the one that was selected."""
    selected = gdb.selected_thread()
    for thread in sorted(gdb.selected_inferior().threads(), key=lambda one: one.num):
        thread.switch()
        yield thread
    if selected is not None:
        selected.switch()


def link(frames):
    starts = [frame.address for frame in frames]

    def at(address):
        index = bisect.bisect_right(starts, address) - 1
        return frames[index] if index >= 0 and frames[index].holds(address) else None

    for frame in frames:
        awaiting = at(frame.word(2) & ~7)
        if awaiting is not None and awaiting is not frame:
            frame.awaited_by = awaiting


def executors():
    """(thread, executor) of each thread that runs one."""
    try:
        gdb.lookup_type("percore::Executor")
    except gdb.error:
        raise gdb.GdbError(NOT_BUILT_FOR_THIS) from None
    out = []
    for thread in each_thread():
        try:
            executor = gdb.parse_and_eval("percore::Executor::current_")
        except gdb.error:
            continue
        if int(executor) != 0:
            out.append((thread, executor.dereference()))
    return out


def queue_length(executor):
    queue = executor["running_queue_"].dereference()
    names = [field.name for field in queue.type.fields()]
    if "tail_" in names:
        return int(queue["tail_"]) - int(queue["head_"])
    return int(queue["size_"]) if "size_" in names else None


def in_flight(ring):
    for field in ring.type.fields():
        if field.name and field.name.startswith("in_flight"):
            return int(ring[field.name])
    return None


class Percore(gdb.Command):
    """Shows tasks and rings of a program on percore: `percore tasks`, `percore ring`."""

    def __init__(self):
        super().__init__("percore", gdb.COMMAND_STATUS, prefix=True)


class Tasks(gdb.Command):
    """Every coroutine that is suspended: function, line of the co_await, state; below it what it awaits.
A task that stands at the left is awaited by none: the root, and what was spawned. Of many the first 100 are shown;
`percore tasks all` shows all."""

    def __init__(self):
        super().__init__("percore tasks", gdb.COMMAND_STATUS)

    def invoke(self, argument, _from_tty):
        frames = find_frames()
        print(f"{len(frames)} task{'' if len(frames) == 1 else 's'}")
        most = len(frames) if argument.strip() == "all" else TASKS_SHOWN
        told = 0

        def show(frame, depth):
            nonlocal told
            if told == most:
                return
            told += 1
            awaits = [other for other in frames if other.awaited_by is frame]
            state = frame.state()
            alive = [other for other in awaits if other.word(0) != 0]
            if state == "suspended" and alive:
                state = "awaits " + ", ".join(f"T{other.number} {other.coroutine.name}" for other in alive)
            name = "  " * min(depth, 12) + f"T{frame.number} {frame.coroutine.name}"
            print(f"  {name:<32} {frame.place():<28} {state}")
            for other in awaits:
                if depth < len(frames):
                    show(other, depth + 1)

        for frame in frames:
            if frame.awaited_by is None:
                show(frame, 0)
        if len(frames) > most:
            print(f"  ... and {len(frames) - most} more: `percore tasks all`")


class Ring(gdb.Command):
    """Each executor on the program's threads: ready coroutines, tasks alive, operations in flight, both queues."""

    def __init__(self):
        super().__init__("percore ring", gdb.COMMAND_STATUS)

    def invoke(self, _argument, _from_tty):
        found = executors()
        if not found:
            print("no thread runs an executor now")
        for thread, executor in found:
            ring = executor["ring_"]
            native = next((ring[f.name] for f in ring.type.fields() if str(f.type.strip_typedefs()) in
                           ("io_uring", "struct io_uring")), None)
            length, flying = queue_length(executor), in_flight(ring)
            told = [f"{length} ready" if length is not None else "run queue not known",
                    f"{int(executor['tasks_alive_'])} tasks alive"]
            if flying is not None:
                told.append(f"{flying} operations in flight")
            print(f"thread {thread.num}: " + ", ".join(told))
            if native is not None:
                submitted, filled = native["sq"], native["cq"]
                ahead = (int(submitted["sqe_tail"]) - int(submitted["khead"].dereference())) & 0xffffffff
                ready = (int(filled["ktail"].dereference()) - int(filled["khead"].dereference())) & 0xffffffff
                print(f"  submission queue: {ahead} of {int(submitted['ring_entries'])} filled   "
                      f"completion queue: {ready} of {int(filled['ring_entries'])} ready")


Percore()
Tasks()
Ring()
