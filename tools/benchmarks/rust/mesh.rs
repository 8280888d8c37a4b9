// mesh_rtt and mesh_tput of the Rust runtimes, included into the mesh.rs of each, which brings what differs:
//   channel(capacity)           a bounded channel of it: a Sender<T> and a Receiver<T>
//   next_of(receiver)           awaits the next value; nothing once the sender has gone
//   look(receiver)              the next value if it is there: Look
//   yield_now()
//   run(root)                   on this thread, until the root has ended
// Each end is on a thread of its own. Awake, who waits looks and yields, which keeps its runtime from sleeping; asleep, it
// awaits. The numbers and rules are those of ../common/mesh.hpp.
use std::process::exit;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

enum Look<T> {
    Value(T),
    Nothing,
    Closed,
}

const CAPACITY: usize = 1024;
const AWAKE: Trips = Trips { warm_up: 5_000, count: 50_000, pause: Duration::ZERO };
const ASLEEP: Trips = Trips { warm_up: 300, count: 2_000, pause: Duration::from_micros(200) };
const MESSAGES_A_ROUND: u64 = 100_000;
const ROUNDS: u64 = 20;
const MESSAGES: u64 = MESSAGES_A_ROUND * (ROUNDS + 1);

#[derive(Clone, Copy)]
struct Trips {
    warm_up: usize,
    count: usize,
    pause: Duration,
}

// std cannot pin a thread, and the libc crate would be a dependency for one call.
extern "C" {
    fn sched_setaffinity(pid: i32, size: usize, mask: *const u64) -> i32;
}

fn pin_to(cpu: u32) {
    let mask: u64 = 1 << cpu;
    // SAFETY: the kernel reads eight bytes, which `mask` has. Process 0 is this thread.
    if unsafe { sched_setaffinity(0, 8, &mask) } != 0 {
        eprintln!("the mesh is measured on CPUs 0 and 1, and CPU {cpu} may not be used here");
        exit(3);
    }
}

// Runs `here` on the first CPU and `there` on the second.
fn on_two_cpus<H, T>(here: H, there: T) -> H::Output
where
    H: std::future::Future,
    T: std::future::Future<Output = ()> + Send + 'static,
{
    let (is_there, came) = sync_channel(1);
    let other = std::thread::spawn(move || {
        pin_to(1);
        is_there.send(()).unwrap();
        run(there);
    });
    came.recv().unwrap();
    let result = run(here);
    other.join().unwrap();
    result
}

fn compute_for(time: Duration) {
    if time.is_zero() {
        return;
    }
    let from = Instant::now();
    while from.elapsed() < time {}
}

async fn next(receiver: &mut Receiver<u64>, spins: bool) -> Option<u64> {
    if !spins {
        return next_of(receiver).await;
    }
    loop {
        match look(receiver) {
            Look::Value(value) => return Some(value),
            Look::Closed => return None,
            Look::Nothing => yield_now().await,
        }
    }
}

async fn answers(mut receiver: Receiver<u64>, sender: Sender<u64>, trips: Trips) {
    while let Some(value) = next(&mut receiver, trips.pause.is_zero()).await {
        compute_for(trips.pause);
        if sender.send(value).await.is_err() {
            break;
        }
    }
}

async fn asks(sender: Sender<u64>, mut receiver: Receiver<u64>, trips: Trips) -> f64 {
    let mut took = Vec::with_capacity(trips.count);
    for i in 0..trips.warm_up + trips.count {
        compute_for(trips.pause);
        let from = Instant::now();
        sender.send(i as u64).await.unwrap();
        let answer = next(&mut receiver, trips.pause.is_zero()).await;
        assert_eq!(answer, Some(i as u64));
        if i >= trips.warm_up {
            took.push((from.elapsed().as_nanos() as f64 - trips.pause.as_nanos() as f64) / 1000.0);
        }
    }
    crate::percentile(&mut took, 50.0)
}

fn round_trips(trips: Trips) -> f64 {
    let (to_there, there) = channel(CAPACITY);
    let (to_here, here) = channel(CAPACITY);
    on_two_cpus(asks(to_there, here, trips), answers(there, to_here, trips))
}

async fn receives<const WORDS: usize>(mut receiver: Receiver<[u64; WORDS]>) -> f64 {
    let mut rounds = Vec::new();
    let mut from: Option<Instant> = None;
    let (mut sum, mut received) = (0, 0);
    while let Some(message) = next_of(&mut receiver).await {
        sum += message[WORDS - 1];
        received += 1;
        if received % MESSAGES_A_ROUND != 0 {
            continue;
        }
        let now = Instant::now();
        if let Some(began) = from {
            rounds.push((now - began).as_nanos() as f64 / MESSAGES_A_ROUND as f64);
        }
        from = Some(now);
    }
    crate::check_sum(sum as usize, (MESSAGES * (MESSAGES - 1) / 2) as usize);
    crate::percentile(&mut rounds, 50.0)
}

async fn sends<const WORDS: usize>(sender: Sender<[u64; WORDS]>) {
    for number in 0..MESSAGES {
        let mut message = [0; WORDS];
        message[WORDS - 1] = number;
        sender.send(message).await.unwrap();
    }
}

fn one_way<const WORDS: usize>() -> f64 {
    let (sender, receiver) = channel(CAPACITY);
    on_two_cpus(receives::<WORDS>(receiver), sends::<WORDS>(sender))
}

// None for another suite.
pub fn measure(suite: &str) -> Option<Vec<(String, f64, &'static str)>> {
    let metrics = match suite {
        "mesh_rtt" => {
            pin_to(0);
            vec![("mesh_rtt_awake", round_trips(AWAKE), "us"), ("mesh_rtt_asleep", round_trips(ASLEEP), "us")]
        }
        "mesh_tput" => {
            pin_to(0);
            let of_8 = one_way::<1>(); // each message is sent by itself: there is no batch
            vec![
                ("mesh_tput", of_8, "ns"),
                ("mesh_tput_64B", one_way::<8>(), "ns"),
                ("mesh_tput_256B", one_way::<32>(), "ns"),
                ("mesh_tput_each", of_8, "ns"),
            ]
        }
        _ => return None,
    };
    Some(metrics.into_iter().map(|(name, value, unit)| (name.to_string(), value, unit)).collect())
}
