// Tasks on async-std that stay on one thread, for the programs of files and echo.
use async_std::task::{spawn_local, JoinHandle as Join};

async fn joined<T>(handle: Join<T>) -> T {
    handle.await
}

fn start<F>(task: F) -> Join<F::Output>
where
    F: std::future::Future + 'static,
    F::Output: 'static,
{
    spawn_local(task)
}

fn run<F: std::future::Future>(root: F) -> F::Output {
    async_std::task::block_on(root)
}
