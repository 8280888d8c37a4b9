// file_rand, file_write and file_read on Tokio's current_thread runtime.
include!("../../../rust/file.rs");

const NAME: &str = "bench_tokio_file";
include!("../one_thread.rs");

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
