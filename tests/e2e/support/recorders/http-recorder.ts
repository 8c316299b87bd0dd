// A backend over HTTP that remembers what it was sent, and answers, waits, refuses or is away as it is told.
import { createServer, type Server } from 'node:http';

/** `holds`: takes requests and answers none; `refuses`: 503. */
export type HttpMood = 'well' | 'holds' | 'refuses';

export interface Posted {
  readonly path: string;
  readonly body: unknown;
}

export interface HttpRecorder {
  readonly url: string;
  /** What was answered well. */
  readonly posted: Posted[];
  mood: HttpMood;
  /** Nobody listens any more, and whoever was connected is cut off. */
  leave(): Promise<void>;
  /** Listens again, on the same port. */
  comeBack(): Promise<void>;
}

/** `answer` gives the body of a good answer; `{}` where absent. */
export async function startHttpRecorder(
  answer: (posted: Posted) => unknown = () => ({}),
): Promise<HttpRecorder> {
  let server: Server | undefined;
  const recorder: HttpRecorder = {
    url: '',
    posted: [],
    mood: 'well',
    async leave() {
      const leaving = server;
      server = undefined;
      leaving?.closeAllConnections();
      await new Promise<void>((resolve) =>
        leaving === undefined ? resolve() : leaving.close(() => resolve()),
      );
    },
    async comeBack() {
      server = await listen(Number(new URL(recorder.url).port));
    },
  };
  async function listen(port: number): Promise<Server> {
    const next = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part)).on('error', () => undefined);
      request.on('end', () => {
        if (recorder.mood === 'holds') return;
        if (recorder.mood === 'refuses') return void response.writeHead(503).end();
        const body: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'));
        const posted = { path: request.url ?? '', body };
        recorder.posted.push(posted);
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer(posted)));
      });
    });
    await new Promise<void>((resolve, reject) => {
      next.once('error', reject).listen(port, '127.0.0.1', () => resolve());
    });
    return next;
  }
  server = await listen(0);
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('an HTTP server has a port');
  return Object.assign(recorder, { url: `http://127.0.0.1:${bound.port}` });
}
