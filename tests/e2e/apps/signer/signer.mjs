// A signer that is none of ours: openssl behind a Unix socket. `signer.mjs DIRECTORY`; the file `mode` there makes it misbehave.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const [directory] = process.argv.slice(2);
const file = (name) => join(directory, name);
const mode = () => (existsSync(file('mode')) ? readFileSync(file('mode'), 'utf8') : '');

function sign({ csr, spiffeId, dnsNames, ipAddresses }) {
  const uri = mode() === 'other' ? 'spiffe://cluster.local/ns/kube-system/sa/admin' : spiffeId;
  const names = [
    `URI:${uri}`,
    ...dnsNames.map((name) => `DNS:${name}`),
    ...ipAddresses.map((ip) => `IP:${ip}`),
  ];
  writeFileSync(file('csr.pem'), csr);
  writeFileSync(
    file('ext.cnf'),
    `subjectAltName=critical,${names.join()}\nbasicConstraints=critical,CA:${mode() === 'ca' ? 'TRUE' : 'FALSE'}\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nauthorityKeyIdentifier=keyid\n`,
  );
  const days = mode() === 'long' ? '3650' : '1';
  const parameters = [
    'x509',
    '-req',
    '-in',
    file('csr.pem'),
    '-CA',
    file('root.pem'),
    '-CAkey',
    file('root.key'),
    '-days',
    days,
  ];
  const { status, stdout } = spawnSync('openssl', [...parameters, '-extfile', file('ext.cnf')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  return status === 0 ? { chain: stdout.toString() } : undefined;
}

rmSync(file('signer.sock'), { force: true });
createServer((request, response) => {
  let text = '';
  request.on('data', (part) => {
    text += part;
  });
  request.on('end', () => {
    const answer = mode() === 'garbage' ? { chain: 'nothing' } : sign(JSON.parse(text));
    response.writeHead(answer === undefined ? 500 : 200).end(JSON.stringify(answer ?? {}));
  });
}).listen(file('signer.sock'), () => process.stdout.write('ready\n'));
