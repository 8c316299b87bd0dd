// Where a Node process is in its JavaScript, asked of its debugger, which answers in the middle of an endless loop too.
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';

/** A process with this argument opens its debugger, when asked by SIGUSR1, where no other one is. */
export const debuggerArgument = '--inspect-port=127.0.0.1:0';

const framesShown = 12;

/** A WebSocket text frame of a client (RFC 6455, 5.2), with a mask of zeros; for short texts only. */
function encode(message) {
  const text = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]);
}

/** The whole frames of a server at the start of what was received, and how many bytes they took. */
function decode(received) {
  const texts = [];
  let at = 0;
  while (received.length >= at + 2) {
    const short = received[at + 1] & 0x7f;
    const header = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (received.length < at + header) break;
    const length =
      header === 4
        ? received.readUInt16BE(at + 2)
        : header === 10
          ? Number(received.readBigUInt64BE(at + 2))
          : short;
    if (received.length < at + header + length) break;
    texts.push(received.toString('utf8', at + header, at + header + length));
    at += header + length;
  }
  return { texts, taken: at };
}

const shown = ({ functionName, location }, scripts) =>
  `${functionName || '(anonymous)'} ${scripts.get(location.scriptId) ?? '?'}:${location.lineNumber + 1}`;

function pausedAt(address, signal) {
  return new Promise((resolve) => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
    };
    const asking = request(address.replace(/^ws:/, 'http:'), { headers, signal });
    asking.once('error', () => resolve([]));
    asking.once('upgrade', (_answer, socket, head) => {
      const scripts = new Map();
      let received = head;
      const look = () => {
        const { texts, taken } = decode(received);
        received = received.subarray(taken);
        for (const { method, params } of texts.map((text) => JSON.parse(text))) {
          if (method === 'Debugger.scriptParsed') scripts.set(params.scriptId, params.url);
          if (method !== 'Debugger.paused') continue;
          resolve(params.callFrames.slice(0, framesShown).map((frame) => shown(frame, scripts)));
          socket.destroy();
          return;
        }
      };
      socket.on('error', () => resolve([]));
      socket.on('data', (bytes) => {
        received = Buffer.concat([received, bytes]);
        look();
      });
      socket.write(encode({ id: 1, method: 'Debugger.enable' }));
      socket.write(encode({ id: 2, method: 'Debugger.pause' }));
      look();
    });
    asking.end();
  });
}

/** The innermost calls of a child that was started with the argument; none when it does not answer in time. */
export function stackOf(child, limitMs = 3_000) {
  const signal = AbortSignal.timeout(limitMs);
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve([]), { once: true });
    let said = '';
    const listen = (bytes) => {
      said += bytes;
      const address = /ws:\/\/[\w.:/-]+(?=\s)/.exec(said)?.[0];
      if (address === undefined) return;
      child.stderr.off('data', listen);
      void pausedAt(address, signal).then(resolve);
    };
    child.stderr.on('data', listen);
    child.kill('SIGUSR1');
  });
}
