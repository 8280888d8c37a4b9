// Hello from an executor on each core that the process may use.
use glommio::{CpuSet, LocalExecutorPoolBuilder, PoolPlacement};

fn main() {
    let cpus = CpuSet::online().expect("the CPUs of this machine");
    let count = cpus.len();
    LocalExecutorPoolBuilder::new(PoolPlacement::MaxSpread(count, Some(cpus)))
        .on_all_shards(move || async move {
            println!("Hello from executor {} of {count}", glommio::executor().id());
        })
        .expect("an executor on each core")
        .join_all();
}
