// echo on async-std.
use async_std::io::{ReadExt, WriteExt};
use async_std::net::{TcpListener, TcpStream};

include!("../../../rust/echo.rs");

const NAME: &str = "bench_async_std_echo";
include!("../one_thread.rs");
