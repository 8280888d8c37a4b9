// Tasks on smol's LocalExecutor, for the programs of files and echo.
use smol::{LocalExecutor, Task as Join};

thread_local! {
    static EXECUTOR: &'static LocalExecutor<'static> = Box::leak(Box::new(LocalExecutor::new()));
}

async fn joined<T>(handle: Join<T>) -> T {
    handle.await
}

fn start<F: std::future::Future + 'static>(task: F) -> Join<F::Output> {
    EXECUTOR.with(|executor| executor.spawn(task))
}

fn run<F: std::future::Future>(root: F) -> F::Output {
    smol::block_on(EXECUTOR.with(|executor| *executor).run(root))
}
