// The mesh on smol: an executor for each end, whose root awaits on its thread, and a bounded channel each way.
include!("../../rust/mesh.rs");
include!("../../rust/async_channel.rs");

use smol::channel::{bounded as channel, Receiver, Sender, TryRecvError};
use smol::future::yield_now;

fn run<F: std::future::Future>(root: F) -> F::Output {
    smol::block_on(smol::LocalExecutor::new().run(root))
}
