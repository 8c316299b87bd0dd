// The program of the signing thread: one job after the other, one answer each, also when a job meets a bug.
import { parentPort } from 'node:worker_threads';
import { assert } from '@xebec/std';
import { parseCsr } from '../x509/certificate-request.ts';
import { leafWriter, type WriteLeaf } from './leaf.ts';
import { signJob } from './request-signer.ts';
import type { FromThread, ThreadJob, ToThread } from './thread-messages.ts';

let writeLeaf: WriteLeaf | undefined;

function answerTo(job: ThreadJob): FromThread {
  const { id } = job;
  if (job.kind === 'check') {
    const key = parseCsr(job.csrPem);
    return key.ok
      ? { id, kind: 'checked', ...key.value }
      : { id, kind: 'refused', diagnostics: key.diagnostics };
  }
  assert(writeLeaf !== undefined, 'the issuer is told before the first job');
  const signed = signJob(writeLeaf, job);
  return signed.ok
    ? { id, kind: 'signed', der: signed.value }
    : { id, kind: 'refused', diagnostics: signed.diagnostics };
}

function answerOrFailure(job: ThreadJob): FromThread {
  try {
    return answerTo(job);
  } catch (error) {
    return { id: job.id, kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', (message: ToThread) => {
  if (message.kind === 'issuer') writeLeaf = leafWriter(message.issuer);
  else parentPort?.postMessage(answerOrFailure(message));
});
