// Tasks on Tokio's current_thread runtime, for the programs of files and echo.
use tokio::task::JoinHandle as Join;

async fn joined<T>(handle: Join<T>) -> T {
    handle.await.unwrap()
}

fn start<F>(task: F) -> Join<F::Output>
where
    F: std::future::Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(task)
}

fn run<F: std::future::Future>(root: F) -> F::Output {
    thread_local! {
        // It lives as long as the program: its end uses what a thread's own values have lost by then.
        static RUNTIME: &'static tokio::runtime::Runtime =
            Box::leak(Box::new(tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap()));
    }
    RUNTIME.with(|runtime| runtime.block_on(root))
}
