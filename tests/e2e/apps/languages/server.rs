// The server of the language suite in Rust, with nothing but its standard library: HTTP on PORT, a banner and an echo on TCP_PORT.
use std::collections::HashMap;
use std::env::var;
use std::io::{copy, BufRead, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

type Attempts = Arc<Mutex<HashMap<String, u32>>>;

fn address(port: &str) -> String {
    format!("{}:{}", var("BIND_ADDRESS").unwrap(), var(port).unwrap())
}

fn answer(stream: &mut TcpStream, status: &str, text: &str) -> Result<()> {
    write!(stream, "HTTP/1.1 {} Answer\r\ncontent-length: {}\r\n\r\n{}", status, text.len(), text)
}

fn read_body(reader: &mut BufReader<TcpStream>, headers: &[(String, String)]) -> Result<usize> {
    let value = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    if value("transfer-encoding").as_deref() == Some("chunked") {
        let mut total = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            let mut part = vec![0; size + 2];
            reader.read_exact(&mut part)?;
            total += size;
            if size == 0 {
                return Ok(total);
            }
        }
    }
    let size = value("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; size];
    reader.read_exact(&mut body)?;
    Ok(size)
}

fn serve(stream: TcpStream, attempts: Attempts) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ").map(|(n, v)| (n.to_lowercase(), v.to_string())) else { break };
            headers.push((name, value));
        }
        let length = read_body(&mut reader, &headers)?;
        let mut words = first.split(' ');
        let method = words.next().unwrap_or("");
        let target = words.next().unwrap_or("");
        let path = target.split('?').next().unwrap_or("");
        if path == "/length" {
            answer(&mut stream, "200", &length.to_string())?;
        } else if let Some(status) = path.strip_prefix("/status/") {
            answer(&mut stream, status, "status")?;
        } else if path == "/slow" {
            thread::sleep(Duration::from_secs(2));
            answer(&mut stream, "200", "slow")?;
        } else if path == "/flaky" {
            let id = headers.iter().find(|(name, _)| name == "x-id").map(|(_, value)| value.clone()).unwrap_or_default();
            let seen = {
                let mut all = attempts.lock().unwrap();
                let seen = all.entry(id).or_insert(0);
                *seen += 1;
                *seen
            };
            answer(&mut stream, if seen < 3 { "503" } else { "200" }, &format!("attempt {}", seen))?;
        } else if path == "/stream" {
            write!(stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            for i in 0..5 {
                let part = format!("part {}\n", i);
                write!(stream, "{:x}\r\n{}\r\n", part.len(), part)?;
                stream.flush()?;
            }
            write!(stream, "0\r\n\r\n")?;
        } else {
            let lines: String = headers.iter().map(|(name, value)| format!("{}: {}\n", name, value)).collect();
            answer(&mut stream, "200", &format!("rust {} {}\n{}", method, target, lines))?;
        }
    }
}

fn main() -> Result<()> {
    let echo = TcpListener::bind(address("TCP_PORT"))?;
    thread::spawn(move || {
        for stream in echo.incoming().flatten() {
            thread::spawn(move || {
                let mut stream = stream;
                let _ = stream.write_all(b"rust\n");
                if let Ok(mut reader) = stream.try_clone() {
                    let _ = copy(&mut reader, &mut stream);
                }
            });
        }
    });
    let attempts = Attempts::default();
    for stream in TcpListener::bind(address("PORT"))?.incoming().flatten() {
        let attempts = attempts.clone();
        thread::spawn(move || serve(stream, attempts));
    }
    Ok(())
}
