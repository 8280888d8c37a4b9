// The mesh on async-std: a root on each thread, and a bounded channel each way.
include!("../../rust/mesh.rs");

use async_std::channel::{bounded as channel, Receiver, Sender, TryRecvError};
use async_std::task::yield_now;

async fn next_of<T>(receiver: &mut Receiver<T>) -> Option<T> {
    receiver.recv().await.ok()
}

fn look<T>(receiver: &mut Receiver<T>) -> Look<T> {
    match receiver.try_recv() {
        Ok(value) => Look::Value(value),
        Err(TryRecvError::Empty) => Look::Nothing,
        Err(TryRecvError::Closed) => Look::Closed,
    }
}

fn run<F: std::future::Future>(root: F) -> F::Output {
    async_std::task::block_on(root)
}
