// The suites of the Rust runtimes, included into the main.rs of each, which brings what differs:
//   Join<T>, joined(handle)        a handle, and how it gives its value
//   start(form, task)              spawns; start_local(task) where the task may not move between threads
//   yield_now(), sleep(duration)
//   run(form, root)                a runtime on this thread, until the root has ended
//   in_its_best_place(form, what)  measures in the root, or in a task where the root's polls also look at the reactor
// The numbers and rules are those of ../common/measure.hpp.
use std::cell::RefCell;
use std::fs;
use std::future::Future;
use std::pin::Pin;
use std::process::exit;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

const SPAWNS_A_ROUND: usize = 10_000;
const YIELDS_A_ROUND: usize = 100_000;
const YIELDING_TASKS: usize = 1_000;
const YIELDS_A_TASK: usize = 1_000;
const LATENCY_SAMPLES: usize = 100_000;
const LATENCY_WARM_UP: usize = 10_000;
const SUSPENDED_TASKS: usize = 10_000;
const CONCURRENT_YIELDS: usize = 10;
const CONCURRENT_A_ROUND: usize = 10_000;
const SLEEPS: usize = 2_000;
const SLEEPS_WARM_UP: usize = 100;
const SLEEP: Duration = Duration::from_micros(100);

/// The smallest value that at least `percent` of `values` do not exceed, as ../common/measure.hpp has it.
fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let rank = (percent * values.len() as f64 / 100.0 - 1e-9).ceil() as usize;
    values[rank.max(1) - 1]
}

// std has no clock for the CPU time of a thread, and the libc crate would be a dependency for one call.
#[repr(C)]
struct TimeSpec {
    seconds: std::os::raw::c_long,
    nanoseconds: std::os::raw::c_long,
}
extern "C" {
    fn clock_gettime(clock: std::os::raw::c_int, time: *mut TimeSpec) -> std::os::raw::c_int;
}

const CLOCK_PROCESS_CPUTIME_ID: std::os::raw::c_int = 2;
const CLOCK_THREAD_CPUTIME_ID: std::os::raw::c_int = 3;

fn clock_ns(clock: std::os::raw::c_int) -> i64 {
    let mut time = TimeSpec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the kernel writes one timespec, and `time` is laid out as one.
    unsafe { clock_gettime(clock, &mut time) };
    time.seconds as i64 * 1_000_000_000 + time.nanoseconds as i64
}

fn cpu_ns() -> i64 {
    clock_ns(CLOCK_THREAD_CPUTIME_ID)
}

struct RoundTimer {
    operations: f64,
    first: i64,
    measured_from: i64,
    round_from: i64,
    rounds: Vec<f64>,
}

impl RoundTimer {
    fn new(operations_a_round: usize) -> Self {
        RoundTimer {
            operations: operations_a_round as f64,
            first: 0,
            measured_from: 0,
            round_from: 0,
            rounds: Vec::new(),
        }
    }

    fn next(&mut self) -> bool {
        let now = cpu_ns();
        if self.first == 0 {
            self.first = now;
        } else if now - self.first > 50_000_000 {
            if self.measured_from == 0 {
                self.measured_from = now;
            }
            self.rounds.push((now - self.round_from) as f64 / self.operations);
        }
        let enough = self.rounds.len() >= 5 && now - self.measured_from > 200_000_000;
        self.round_from = cpu_ns();
        !enough
    }

    fn median_ns(&mut self) -> f64 {
        percentile(&mut self.rounds, 50.0)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Spawn,
    Local,
}

fn check_sum(got: usize, expected: usize) {
    if got != expected {
        eprintln!("the tasks returned {got} in sum, expected {expected}: the benchmark is broken");
        exit(1);
    }
}

async fn join_all(handles: &mut Vec<Join<usize>>) -> usize {
    let mut sum = 0;
    for handle in handles.drain(..) {
        sum += joined(handle).await;
    }
    sum
}

async fn measure_spawn(form: Form, tasks: usize) -> f64 {
    let mut handles = Vec::with_capacity(tasks);
    let mut timer = RoundTimer::new(SPAWNS_A_ROUND);
    while timer.next() {
        for _ in 0..SPAWNS_A_ROUND / tasks {
            for index in 0..tasks {
                handles.push(start(form, async move { index }));
            }
            check_sum(join_all(&mut handles).await, tasks * (tasks - 1) / 2);
        }
    }
    timer.median_ns()
}

async fn measure_yield1() -> f64 {
    let mut timer = RoundTimer::new(YIELDS_A_ROUND);
    while timer.next() {
        for _ in 0..YIELDS_A_ROUND {
            yield_now().await;
        }
    }
    timer.median_ns()
}

async fn yield_in_tasks(form: Form, tasks: usize, times: usize, handles: &mut Vec<Join<usize>>) {
    for _ in 0..tasks {
        handles.push(start(form, async move {
            for _ in 0..times {
                yield_now().await;
            }
            times
        }));
    }
    check_sum(join_all(handles).await, tasks * times);
}

async fn measure_yields(form: Form, tasks: usize, times: usize) -> f64 {
    let mut handles = Vec::with_capacity(tasks);
    let mut timer = RoundTimer::new(tasks * times);
    while timer.next() {
        yield_in_tasks(form, tasks, times, &mut handles).await;
    }
    timer.median_ns()
}

async fn measure_concurrent(form: Form, tasks: usize) -> f64 {
    let mut handles = Vec::with_capacity(tasks);
    let mut timer = RoundTimer::new(CONCURRENT_A_ROUND);
    while timer.next() {
        for _ in 0..CONCURRENT_A_ROUND / tasks {
            yield_in_tasks(form, tasks, CONCURRENT_YIELDS, &mut handles).await;
        }
    }
    timer.median_ns()
}

async fn measure_latency(form: Form) -> Vec<f64> {
    let mut samples = Vec::with_capacity(LATENCY_SAMPLES);
    for i in 0..LATENCY_WARM_UP + LATENCY_SAMPLES {
        let spawned = Instant::now();
        let started = joined(start(form, async move { Instant::now() })).await;
        if i >= LATENCY_WARM_UP {
            samples.push((started - spawned).as_nanos() as f64);
        }
    }
    samples
}

async fn measure_sleeps() -> Vec<f64> {
    let mut late_us = Vec::with_capacity(SLEEPS);
    for i in 0..SLEEPS_WARM_UP + SLEEPS {
        let from = Instant::now();
        sleep(SLEEP).await;
        if i >= SLEEPS_WARM_UP {
            late_us.push((from.elapsed() - SLEEP).as_nanos() as f64 / 1000.0);
        }
    }
    late_us
}

fn resident_bytes() -> i64 {
    let text = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_else(|error| {
        eprintln!("/proc/self/smaps_rollup (Linux 4.14) cannot be read: {error}");
        exit(3);
    });
    let line = text.lines().find(|line| line.starts_with("Rss:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<i64>().unwrap() * 1024
}

// Tasks wait here until all of them do: the least a future can keep, its waker in a list. The list of `spawn` needs
// a lock to be allowed; the one of `local` does not.
trait Gate: Clone + 'static {
    fn add(&self, waker: Waker);
    fn is_open(&self) -> bool;
}

struct GateState {
    open: bool,
    wakers: Vec<Waker>,
}

#[derive(Clone)]
struct SharedGate(Arc<Mutex<GateState>>);
impl Gate for SharedGate {
    fn add(&self, waker: Waker) {
        self.0.lock().unwrap().wakers.push(waker);
    }
    fn is_open(&self) -> bool {
        self.0.lock().unwrap().open
    }
}

#[derive(Clone)]
struct LocalGate(Rc<RefCell<GateState>>);
impl Gate for LocalGate {
    fn add(&self, waker: Waker) {
        self.0.borrow_mut().wakers.push(waker);
    }
    fn is_open(&self) -> bool {
        self.0.borrow().open
    }
}

struct WaitAt<G: Gate> {
    gate: G,
    index: usize,
}
impl<G: Gate + Unpin> Future for WaitAt<G> {
    type Output = usize;
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<usize> {
        if self.gate.is_open() {
            return Poll::Ready(self.index);
        }
        self.gate.add(context.waker().clone());
        Poll::Pending
    }
}

async fn measure_memory(form: Form, tasks: usize) -> f64 {
    let before = resident_bytes();
    let state = GateState { open: false, wakers: Vec::with_capacity(tasks) };
    let mut handles = Vec::with_capacity(tasks);
    let after;
    let wakers;
    if form == Form::Spawn {
        let gate = SharedGate(Arc::new(Mutex::new(state)));
        for index in 0..tasks {
            handles.push(start(Form::Spawn, WaitAt { gate: gate.clone(), index }));
        }
        while gate.0.lock().unwrap().wakers.len() < tasks {
            yield_now().await;
        }
        after = resident_bytes();
        let mut state = gate.0.lock().unwrap();
        state.open = true;
        wakers = std::mem::take(&mut state.wakers);
    } else {
        let gate = LocalGate(Rc::new(RefCell::new(state)));
        for index in 0..tasks {
            handles.push(start_local(WaitAt { gate: gate.clone(), index }));
        }
        while gate.0.borrow().wakers.len() < tasks {
            yield_now().await;
        }
        after = resident_bytes();
        let mut state = gate.0.borrow_mut();
        state.open = true;
        wakers = std::mem::take(&mut state.wakers);
    }
    for waker in wakers {
        waker.wake();
    }
    check_sum(join_all(&mut handles).await, tasks * (tasks - 1) / 2);
    (after - before) as f64 / tasks as f64
}

// The suite `cpu`: primes below 200,000 in 64 chunks, half of them on each of two threads with a runtime of its own.
// ../common/primes.hpp has the numbers.
#[inline(never)]
fn primes_in(chunk: u64) -> usize {
    const LENGTH: u64 = 200_000 / 64;
    let is_prime = |number: u64| {
        let mut divisor = 2;
        while divisor * divisor <= number {
            if number % divisor == 0 {
                return false;
            }
            divisor += 1;
        }
        number >= 2
    };
    (chunk * LENGTH..(chunk + 1) * LENGTH).filter(|&number| is_prime(number)).count()
}

async fn find_half(form: Form, half: u64) -> usize {
    let mut found = 0;
    for _ in 0..PASSES_A_ROUND {
        let chunks = (half..64).step_by(2);
        let mut handles = chunks.map(|chunk| start(form, async move { primes_in(chunk) })).collect();
        found += join_all(&mut handles).await;
    }
    found
}

const PASSES_A_ROUND: usize = 20;

fn measure_cpu(form: Form) -> f64 {
    let mut ms = Vec::new();
    for round in 0..=9 {
        let from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        let other = std::thread::spawn(move || run(form, find_half(form, 1)));
        let found = run(form, find_half(form, 0)) + other.join().unwrap();
        check_sum(found, PASSES_A_ROUND * 17_984);
        if round > 0 {
            let both = (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from) as f64 / PASSES_A_ROUND as f64;
            ms.push(both / 2e6);
        }
    }
    percentile(&mut ms, 50.0)
}

async fn run_suite(form: Form, suite: String) -> Vec<(String, f64, &'static str)> {
    let value = match suite.as_str() {
        "spawn100" => in_its_best_place(form, measure_spawn(form, 100)).await,
        "spawn" => in_its_best_place(form, measure_spawn(form, 1_000)).await,
        "spawn10k" => in_its_best_place(form, measure_spawn(form, 10_000)).await,
        "yield1" => in_its_best_place(form, measure_yield1()).await,
        "yield2" => in_its_best_place(form, measure_yields(form, 2, YIELDS_A_ROUND)).await,
        "yield1k" => in_its_best_place(form, measure_yields(form, YIELDING_TASKS, YIELDS_A_TASK)).await,
        "latency" => {
            let mut samples = in_its_best_place(form, measure_latency(form)).await;
            return vec![
                ("latency_p50".to_string(), percentile(&mut samples, 50.0), "ns"),
                ("latency_p99".to_string(), percentile(&mut samples, 99.0), "ns"),
            ];
        }
        "timer" => {
            let mut late = measure_sleeps().await;
            return vec![
                ("timer_p50".to_string(), percentile(&mut late, 50.0), "us"),
                ("timer_p99".to_string(), percentile(&mut late, 99.0), "us"),
            ];
        }
        "concurrent" => {
            let mut metrics = Vec::new();
            for (tasks, name) in [(100, "concurrent100"), (1_000, "concurrent1k"), (10_000, "concurrent10k")] {
                let ns = in_its_best_place(form, measure_concurrent(form, tasks)).await;
                metrics.push((name.to_string(), ns, "ns"));
            }
            return metrics;
        }
        "memory" => {
            measure_memory(form, 1).await; // what a runtime has once is not a task's
            return vec![(suite, measure_memory(form, SUSPENDED_TASKS).await, "B")];
        }
        _ => {
            eprintln!(
                "no suite is called \"{suite}\"; there are spawn100, spawn, spawn10k, yield1, yield2, yield1k, concurrent, cpu, \
                 latency, timer, memory"
            );
            exit(2);
        }
    };
    vec![(suite, value, "ns")]
}

fn measure(form: Form, suite: String) -> Vec<(String, f64, &'static str)> {
    if suite == "cpu" {
        return vec![(suite, measure_cpu(form), "ms")];
    }
    run(form, run_suite(form, suite))
}

fn form_of(word: Option<&str>) -> Form {
    match word {
        Some("local") => Form::Local,
        None | Some("spawn") => Form::Spawn,
        Some(other) => {
            eprintln!("no form is called \"{other}\"; there are spawn and local");
            exit(2);
        }
    }
}

fn print_json(metrics: Vec<(String, f64, &'static str)>) {
    let lines: Vec<String> = metrics
        .iter()
        .map(|(name, value, unit)| format!("{{\"name\": \"{name}\", \"value\": {value:.4}, \"unit\": \"{unit}\"}}"))
        .collect();
    println!("{{\"metrics\": [{}]}}", lines.join(", "));
}
