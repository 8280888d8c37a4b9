// file_rand, file_write and file_read of the Rust runtimes, included into a program of each, which brings what differs:
//   NAME
//   Join<T>, joined(handle), start(task)   a task on this thread
//   blocking(work)                         a call on the runtime's pool of threads: that is what its own files do, but
//                                          these calls have an offset, and memory that may be used again
//   run(root)                              the runtime on this thread, until the root has ended
// The numbers and rules are those of ../common/file_work.hpp and file.hpp, and the file of 1 GiB is made by the programs in
// C++.
use std::alloc::{alloc_zeroed, dealloc, Layout};
use std::fs::{remove_file, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::io::AsRawFd;
use std::process::exit;
use std::slice::from_raw_parts_mut;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

const BLOCK: usize = 4096;
const READ_FILE_BLOCKS: u64 = (1 << 30) / BLOCK as u64;
const WRITES: usize = (64 << 20) / BLOCK;
const DEPTH_MAX: usize = 32;
const READ_WARM_UP: Duration = Duration::from_millis(100);
const READ_TIME: Duration = Duration::from_secs(1);
const WRITE_ROUNDS: usize = 3;
const CACHED_BLOCKS: usize = 1024;
const READS_A_ROUND: usize = 100;
const READ_ROUNDS: usize = 501; // the first warms up
const O_NOATIME: i32 = 0o1000000;
#[cfg(target_arch = "x86_64")]
const O_DIRECT: i32 = 0o40000;
#[cfg(not(target_arch = "x86_64"))]
const O_DIRECT: i32 = 0o200000;

extern "C" {
    fn fallocate(fd: i32, mode: i32, offset: i64, length: i64) -> i32;
}

struct Block(*mut u8);
// SAFETY: one owner at a time; the memory is its own.
unsafe impl Send for Block {}
impl Block {
    fn layout() -> Layout {
        Layout::from_size_align(BLOCK, BLOCK).unwrap()
    }
    fn new() -> Self {
        // SAFETY: the layout has a size.
        Block(unsafe { alloc_zeroed(Self::layout()) })
    }
    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: `new` allocated so many bytes, and they are zeroed.
        unsafe { from_raw_parts_mut(self.0, BLOCK) }
    }
}
impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with the same layout.
        unsafe { dealloc(self.0, Self::layout()) }
    }
}

fn or_exit<T>(result: std::io::Result<T>, what: &str) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("{what}: {error}");
        exit(3)
    })
}

fn next_offset(state: &AtomicU64) -> u64 {
    // splitmix64
    let mut z = state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % READ_FILE_BLOCKS * BLOCK as u64
}

async fn read_blocks(file: Arc<File>, random: Arc<AtomicU64>, count: Arc<AtomicUsize>, begin: Instant) {
    let mut block = Block::new();
    while begin.elapsed() < READ_WARM_UP + READ_TIME {
        let warm = begin.elapsed() >= READ_WARM_UP;
        let (file, offset) = (file.clone(), next_offset(&random));
        block = blocking(move || {
            or_exit(file.read_exact_at(block.bytes(), offset), "percore_bench.data cannot be read");
            block
        })
        .await;
        count.fetch_add(usize::from(warm), Ordering::Relaxed);
    }
}

async fn random_reads(path: String, depth: usize) -> f64 {
    let file = OpenOptions::new().read(true).custom_flags(O_DIRECT).open(&path);
    let file = Arc::new(or_exit(file, &path));
    let (random, count) = (Arc::new(AtomicU64::new(7)), Arc::new(AtomicUsize::new(0)));
    let begin = Instant::now();
    let readers: Vec<_> = (0..depth)
        .map(|_| start(read_blocks(file.clone(), random.clone(), count.clone(), begin)))
        .collect();
    for reader in readers {
        joined(reader).await;
    }
    (begin.elapsed() - READ_WARM_UP).as_nanos() as f64 / 1000.0 / count.load(Ordering::Relaxed) as f64
}

async fn write_blocks(file: Arc<File>, next: Arc<AtomicUsize>) {
    let mut block = Block::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= WRITES {
            return;
        }
        let file = file.clone();
        block = blocking(move || {
            let offset = (number * BLOCK) as u64;
            or_exit(file.write_all_at(block.bytes(), offset), "percore_bench.written cannot be written");
            block
        })
        .await;
    }
}

async fn sequential_writes(path: String, depth: usize) -> f64 {
    let begin = Instant::now();
    let file = OpenOptions::new().read(true).write(true).create_new(true).custom_flags(O_DIRECT).open(&path);
    let file = Arc::new(or_exit(file, &path));
    // SAFETY: the descriptor is open.
    if unsafe { fallocate(file.as_raw_fd(), 0, 0, (WRITES * BLOCK) as i64) } != 0 {
        or_exit(Err(std::io::Error::last_os_error()), &path)
    }
    let next = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..depth).map(|_| start(write_blocks(file.clone(), next.clone()))).collect();
    for writer in writers {
        joined(writer).await;
    }
    let synced = file.clone();
    blocking(move || or_exit(synced.sync_data(), "percore_bench.written cannot be synced")).await;
    begin.elapsed().as_nanos() as f64 / 1000.0 / WRITES as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values[values.len() / 2]
}

// A file without a name, each block filled with its number; every page of it is in memory.
fn file_in_cache() -> File {
    let path = format!("/tmp/percore-bench-{}", std::process::id());
    let file = OpenOptions::new().read(true).write(true).create_new(true).custom_flags(O_NOATIME).open(&path);
    let file = or_exit(file, &path);
    or_exit(remove_file(&path), &path);
    for block in 0..CACHED_BLOCKS {
        or_exit(file.write_all_at(&[block as u8; BLOCK], (block * BLOCK) as u64), &path);
    }
    or_exit(file.sync_all(), &path);
    file
}

async fn cached_reads() -> f64 {
    let file = Arc::new(file_in_cache());
    let mut block = Block::new();
    let mut rounds = Vec::new();
    for _ in 0..READ_ROUNDS {
        let from = Instant::now();
        for read in 0..READS_A_ROUND {
            let number = read * 257 % CACHED_BLOCKS;
            let file = file.clone();
            block = blocking(move || {
                or_exit(file.read_exact_at(block.bytes(), (number * BLOCK) as u64), "the file in /tmp cannot be read");
                block
            })
            .await;
            let bytes = block.bytes();
            assert_eq!((bytes[0], bytes[BLOCK - 1]), (number as u8, number as u8));
        }
        rounds.push(from.elapsed().as_nanos() as f64 / READS_A_ROUND as f64);
    }
    median(rounds.split_off(1))
}

fn main() {
    let suite = std::env::args().nth(1).unwrap_or_default();
    let folder = std::env::args().nth(2).unwrap_or_else(|| ".".to_string());
    if suite == "file_read" {
        let value = run(async { joined(start(cached_reads())).await });
        println!("{{\"metrics\": [{{\"name\": \"file_read\", \"value\": {value:.4}, \"unit\": \"ns\"}}]}}");
        return;
    }
    let mut lines = Vec::new();
    for depth in [1, DEPTH_MAX] {
        let value = match suite.as_str() {
            "file_rand" => run(random_reads(format!("{folder}/percore_bench.data"), depth)),
            "file_write" => {
                let path = format!("{folder}/percore_bench.written");
                let rounds = (0..WRITE_ROUNDS)
                    .map(|_| {
                        let _ = remove_file(&path);
                        run(sequential_writes(path.clone(), depth))
                    })
                    .collect();
                let _ = remove_file(&path);
                median(rounds)
            }
            _ => {
                eprintln!("{NAME}: no suite is called \"{suite}\"; there are file_rand, file_write, file_read");
                exit(2);
            }
        };
        lines.push(format!("{{\"name\": \"{suite}{depth}\", \"value\": {value:.4}, \"unit\": \"us\"}}"));
    }
    println!("{{\"metrics\": [{}]}}", lines.join(", "));
}
