// file_rand, file_write and file_read on smol.
include!("../../../rust/file.rs");

const NAME: &str = "bench_smol_file";
include!("../one_thread.rs");

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    smol::unblock(work).await
}
