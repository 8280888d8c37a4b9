// echo on smol.
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

include!("../../../rust/echo.rs");

const NAME: &str = "bench_smol_echo";
include!("../one_thread.rs");
