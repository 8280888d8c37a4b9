// The mesh on async-std: a root on each thread, and a bounded channel each way.
include!("../../rust/mesh.rs");
include!("../../rust/async_channel.rs");

use async_std::channel::{bounded as channel, Receiver, Sender, TryRecvError};
use async_std::task::yield_now;

fn run<F: std::future::Future>(root: F) -> F::Output {
    async_std::task::block_on(root)
}
