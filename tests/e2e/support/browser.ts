// What a browser does for a login: it keeps cookies by the rules for their names, and goes where it is led.
import type { Answer } from './http.ts';
import { fetchTls } from './tls.ts';

export interface Browser {
  readonly cookies: Map<string, string>;
  /** One request at the gateway, with the cookies there are; those of the answer are kept. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

export function openBrowser(at: { readonly port: number; readonly name: string }): Browser {
  const cookies = new Map<string, string>();
  return {
    cookies,
    async get(path, headers = {}) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await fetchTls({
        ...at,
        path,
        headers: { 'sec-fetch-mode': 'navigate', ...(cookie === '' ? {} : { cookie }), ...headers },
        options: { rejectUnauthorized: false },
      });
      for (const line of answer.headers['set-cookie'] ?? []) keep(cookies, line);
      return answer;
    },
  };
}

/** RFC 6265bis, section 4.1.3: what has the prefix and not the attributes is ignored. */
function keep(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';').map((each) => each.trim());
  const at = pair.indexOf('=');
  const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
  const all = new Map(
    attributes.map((each): [string, string] => {
      const [key = '', ...rest] = each.split('=');
      return [key.toLowerCase(), rest.join('=')];
    }),
  );
  const isOfHost = all.has('secure') && all.get('path') === '/' && !all.has('domain');
  if (name.startsWith('__Host-') && !isOfHost) return;
  const isGone = all.get('max-age') === '0' || Date.parse(all.get('expires') ?? '') < Date.now();
  if (isGone) cookies.delete(name);
  else cookies.set(name, value);
}
