// The mesh on Tokio: a current_thread runtime for each end, and a bounded mpsc channel each way.
include!("../../rust/mesh.rs");

use tokio::sync::mpsc::{channel, error::TryRecvError, Receiver, Sender};
use tokio::task::yield_now;

async fn next_of<T>(receiver: &mut Receiver<T>) -> Option<T> {
    receiver.recv().await
}

fn look<T>(receiver: &mut Receiver<T>) -> Look<T> {
    match receiver.try_recv() {
        Ok(value) => Look::Value(value),
        Err(TryRecvError::Empty) => Look::Nothing,
        Err(TryRecvError::Disconnected) => Look::Closed,
    }
}

fn run<F: std::future::Future>(root: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(root)
}
