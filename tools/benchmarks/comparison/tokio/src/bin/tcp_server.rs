// A TCP server that sends back what it gets: `tcp_server PORT`, 0 for a free one. It ends when its standard input does.
use std::io::Read;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

async fn serves(mut connection: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let got = connection.read(&mut buffer).await?;
        if got == 0 {
            return Ok(());
        }
        connection.write_all(&buffer[..got]).await?;
    }
}

async fn accepts(port: u16) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on port {}", listener.local_addr()?.port());
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(serves(connection)); // the end of a connection is nobody else's concern
    }
}

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).map_or(0, |port| port.parse().expect("a port"));
    // Tokio reads standard input on a thread of its own, and so do we.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    Builder::new_current_thread().enable_io().build()?.block_on(accepts(port))
}
