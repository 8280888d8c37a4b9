// echo of the Rust runtimes: a task for each connection. The load is the program that the second argument names, which is
// the one that all servers have (../common/echo.hpp). Included into a program of each runtime, which brings what differs:
//   NAME, TcpListener, TcpStream and the traits that read and write them
//   Join<T>, joined(handle), start(task), run(root)   as for file.rs
use std::process::{exit, Command, Stdio};

const CONNECTIONS: [usize; 3] = [1, 64, 500];

async fn serves(mut stream: TcpStream) {
    let mut buffer = [0u8; 4096];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(got) => {
                if stream.write_all(&buffer[..got]).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn measure(load: &str, connections: usize) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let child = Command::new(load)
        .args([port.to_string(), connections.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            eprintln!("{load} cannot be started: {error}");
            exit(3)
        });
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tasks.push(start(serves(stream)));
    }
    for task in tasks {
        joined(task).await;
    }
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| {
        eprintln!("{load} gave no figure");
        exit(3)
    })
}

fn main() {
    let suite = std::env::args().nth(1).unwrap_or_default();
    let load = std::env::args().nth(2).unwrap_or_default();
    if suite != "echo" {
        eprintln!("{NAME}: no suite is called \"{suite}\"; there is echo");
        exit(2);
    }
    let lines: Vec<String> = CONNECTIONS
        .iter()
        .map(|&connections| {
            let value = run(measure(&load, connections));
            format!("{{\"name\": \"echo{connections}\", \"value\": {value:.4}, \"unit\": \"us\"}}")
        })
        .collect();
    println!("{{\"metrics\": [{}]}}", lines.join(", "));
}
