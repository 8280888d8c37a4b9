// file_rand, file_write and file_read on async-std.
include!("../../../rust/file.rs");

const NAME: &str = "bench_async_std_file";
include!("../one_thread.rs");

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    async_std::task::spawn_blocking(work).await
}
