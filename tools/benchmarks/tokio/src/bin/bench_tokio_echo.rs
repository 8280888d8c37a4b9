// echo on Tokio's current_thread runtime.
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

include!("../../../rust/echo.rs");

const NAME: &str = "bench_tokio_echo";
include!("../one_thread.rs");
