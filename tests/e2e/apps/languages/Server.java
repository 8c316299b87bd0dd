// The server of the language suite in Java: HTTP on PORT, a banner and an echo on TCP_PORT.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;

public class Server {
  private static final Map<String, Integer> attempts = new ConcurrentHashMap<>();

  public static void main(String[] arguments) throws IOException {
    InetAddress host = InetAddress.getByName(System.getenv("BIND_ADDRESS"));
    int port = Integer.parseInt(System.getenv("PORT"));
    int tcpPort = Integer.parseInt(System.getenv("TCP_PORT"));
    HttpServer server = HttpServer.create(new InetSocketAddress(host, port), 64);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/", Server::handle);
    server.start();
    try (ServerSocket listener = new ServerSocket(tcpPort, 64, host)) {
      while (true) {
        Socket socket = listener.accept();
        new Thread(() -> echo(socket)).start();
      }
    }
  }

  private static void handle(HttpExchange exchange) throws IOException {
    byte[] body = exchange.getRequestBody().readAllBytes();
    String path = exchange.getRequestURI().getPath();
    if (path.equals("/length")) {
      answer(exchange, 200, String.valueOf(body.length));
    } else if (path.startsWith("/status/")) {
      answer(exchange, Integer.parseInt(path.substring(8)), "status");
    } else if (path.equals("/slow")) {
      pause();
      answer(exchange, 200, "slow");
    } else if (path.equals("/flaky")) {
      int seen = attempts.merge(exchange.getRequestHeaders().getFirst("x-id"), 1, Integer::sum);
      answer(exchange, seen < 3 ? 503 : 200, "attempt " + seen);
    } else if (path.equals("/stream")) {
      stream(exchange);
    } else {
      StringBuilder text = new StringBuilder("java " + exchange.getRequestMethod() + " " + exchange.getRequestURI() + "\n");
      exchange.getRequestHeaders().forEach((name, values) ->
          text.append(name.toLowerCase()).append(": ").append(String.join(",", values)).append("\n"));
      answer(exchange, 200, text.toString());
    }
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] data = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, data.length);
    try (OutputStream output = exchange.getResponseBody()) {
      output.write(data);
    }
  }

  private static void stream(HttpExchange exchange) throws IOException {
    exchange.sendResponseHeaders(200, 0);
    try (OutputStream output = exchange.getResponseBody()) {
      for (int i = 0; i < 5; i++) {
        output.write(("part " + i + "\n").getBytes(StandardCharsets.UTF_8));
        output.flush();
      }
    }
  }

  private static void echo(Socket socket) {
    try (socket) {
      socket.getOutputStream().write("java\n".getBytes(StandardCharsets.UTF_8));
      socket.getInputStream().transferTo(socket.getOutputStream());
    } catch (IOException gone) {
      // The client has left.
    }
  }

  private static void pause() {
    try {
      Thread.sleep(2000);
    } catch (InterruptedException ended) {
      Thread.currentThread().interrupt();
    }
  }
}
