// The mesh on smol: an executor for each end, whose root awaits on its thread, and a bounded channel each way.
include!("../../rust/mesh.rs");

use smol::channel::{bounded as channel, Receiver, Sender, TryRecvError};
use smol::future::yield_now;

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
    smol::block_on(smol::LocalExecutor::new().run(root))
}
