/** Mutual TLS in place of the secret: who a certificate stands for, and which are not trusted. */

import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { LbtopError } from '../../source/model/errors.ts';
import { cleanEnvironment } from '../../source/simulation/fleet.ts';
import { type Certificate, type CertificateFiles, loadCertificate } from '../../source/wire/certificate.ts';
import { connect } from '../../source/wire/endpoint.ts';
import { type Role, roles } from '../../source/wire/messages.ts';
import { type Authority, authorityIn, opensslMissing } from '../helpers/certificates.ts';
import { coordinatorHere, type HereCoordinator } from '../helpers/coordinator.ts';
import { finished, program, until } from '../helpers/lbtop.ts';

if (opensslMissing !== null) console.warn(`certificates are not tested: ${opensslMissing}`);

async function failure(promise: Promise<unknown>): Promise<LbtopError> {
  const error = await promise.then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LbtopError);
  expect((error as LbtopError).message).not.toContain('\n');
  return error as LbtopError;
}

describe.skipIf(opensslMissing !== null)('with certificates', () => {
  let directory: string;
  let ours: Authority;
  let others: Authority;
  let own: CertificateFiles;
  let here: HereCoordinator;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'lbtop-'));
    ours = authorityIn(directory, 'ours');
    others = authorityIn(directory, 'others');
    own = ours.sign('coordinator', '/O=firm/OU=coordinator/CN=main');
    here = await coordinatorHere({ secret: await loadCertificate(own, 'coordinator') });
  });
  afterAll(async () => {
    await here?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  const speak = (secret: Certificate, role: Role, host = '127.0.0.1') =>
    connect({
      host,
      port: here.coordinator.port,
      secret,
      role,
      who: 'somebody@else',
      version: '1',
      timeoutMs: 5_000,
      events: { messages() {}, closed() {} },
    });

  test.each(roles)('the organizational unit %s is that role and no other', async (role) => {
    const certificate = await loadCertificate(ours.sign(role, `/O=firm/OU=${role}/CN=${role}-1`), 'peer');
    expect(certificate.role).toBe(role);
    for (const host of ['127.0.0.1', 'localhost']) {
      const connection = await speak(certificate, role, host);
      expect(connection.open).toBe(true);
      connection.close('seen');
    }
    for (const other of roles.filter((one) => one !== role)) {
      const error = await failure(speak({ ...certificate, role: other }, other));
      expect(error).toMatchObject({ code: 'refused', message: expect.stringContaining(`with the key of ${role}`) });
    }
  });

  test('the common name is who did what, and whose jobs are whose', async () => {
    const operator = await here.client({
      secret: await loadCertificate(ours.sign('ana', '/OU=operator/CN=ana'), 'peer'),
    });
    await operator.request('pause-queue', { paused: true, reason: '' });
    expect(here.log).toContainEqual(
      expect.stringMatching(/^audit: ana \(operator, certificate [0-9A-F]+\) at .*: pause-queue .*: done$/),
    );
    const viewer = await here.client({ secret: await loadCertificate(ours.sign('eve', '/OU=viewer/CN=eve'), 'peer') });
    expect(await failure(viewer.request('pause-queue', { paused: false, reason: '' }))).toMatchObject({
      code: 'refused',
      message: 'pause-queue needs the role operator, and this connection has the role viewer',
    });
    const error = await failure(operator.request('token-create', { role: 'node', ttlMs: null, name: null }));
    expect(error.message).toContain('trusts certificates');
  });

  test('a certificate of another authority is refused, and told why; so is the secret', async () => {
    const strange = await loadCertificate(others.sign('strange', '/OU=operator/CN=ana'), 'peer');
    // It trusts ours: it is the coordinator that does not trust it.
    const error = await failure(speak({ ...strange, ca: (await loadCertificate(own, 'coordinator')).ca }, 'operator'));
    expect(error).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('not one that our authority signed'),
    });
    expect((await failure(here.client({ secret: here.secret }))).code).toMatch(/refused|unreachable/);
    expect((await failure(here.client({ secret: null }))).code).toBe('unreachable');
    await vi.waitFor(() =>
      expect(here.log).toContainEqual(expect.stringContaining('not one that our authority signed')),
    );
  });

  test('a peer without certificate is refused', async () => {
    const socket = tls.connect({ port: here.coordinator.port, rejectUnauthorized: false, minVersion: 'TLSv1.3' });
    const heard: Buffer[] = [];
    socket.on('data', (chunk) => heard.push(chunk)).on('error', () => {});
    await new Promise((resolve) => socket.on('close', resolve));
    expect(Buffer.concat(heard).toString('latin1')).toContain('not one that our authority signed');
  });

  test('one that has expired is refused', async () => {
    const gone = await loadCertificate(ours.sign('gone', '/OU=operator/CN=gone', -1), 'peer').catch(() => null);
    if (gone === null) return expect.unreachable('openssl makes such certificates');
    expect(await failure(speak(gone, 'operator'))).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('CERT_HAS_EXPIRED'),
    });
  });

  test("a node's certificate does not pass for the coordinator, nor does another name or authority", async () => {
    const peer = await loadCertificate(ours.sign('peer', '/OU=viewer/CN=peer'), 'peer');
    const asNode = await loadCertificate(ours.sign('posing', '/OU=node/CN=posing'), 'peer');
    await using posing = await coordinatorHere({ secret: asNode });
    const seen = (one: HereCoordinator, secret: Certificate, host = '127.0.0.1') => one.client({ secret, host });
    expect(await failure(seen(posing, peer))).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('not that of a coordinator'),
    });
    expect(await failure(seen(here, peer, '127.0.0.2'))).toMatchObject({ code: 'unreachable' });
    const mistrusting = { ...peer, ca: (await loadCertificate(others.sign('x', '/OU=viewer/CN=x'), 'peer')).ca };
    expect(await failure(seen(here, mistrusting))).toMatchObject({ code: 'unreachable' });
  });

  test('without a role, or with a key that others can read, it is not used', async () => {
    const plain = ours.sign('plain', '/CN=plain');
    expect(await failure(loadCertificate(plain, 'peer'))).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('has no role'),
    });
    expect((await failure(loadCertificate(plain, 'coordinator'))).message).toContain("is not a coordinator's");
    chmodSync(plain.key, 0o644);
    expect((await failure(loadCertificate(plain, 'peer'))).message).toContain('run chmod 600');
    const missing = { ...plain, cert: join(directory, 'nothing.pem') };
    expect((await failure(loadCertificate(missing, 'peer'))).message).toContain('cannot read the certificate');
  });

  test('the program: a coordinator, a node, a word, by flags alone; two of three flags are a mistake', async () => {
    const files = ({ ca, cert, key }: CertificateFiles) => ['--tls-ca', ca, '--tls-cert', cert, '--tls-key', key];
    const env = cleanEnvironment(directory);
    const [node, script] = program();
    const start = (...args: string[]) => spawn(node, [script, ...args], { env, stdio: 'pipe' });
    const main = start(
      '--coordinator',
      '--headless',
      '--port',
      '0',
      '--data',
      'none',
      '--cpu-limit',
      '100',
      ...files(own),
    );
    const children = [main];
    try {
      let log = '';
      main.stdout.setEncoding('utf8').on('data', (text) => {
        log += text;
      });
      await until(() => /^listening on .*\n/.test(log));
      const port = /:(\d+)\n/.exec(log)?.[1] as string;
      const worker = ours.sign('worker', '/OU=node/CN=worker');
      children.push(start('--node', '--name', 'w1', '--connect', `localhost:${port}`, ...files(worker)));
      await until(() => log.includes('node w1 joined'));
      const ana = ours.sign('ana-2', '/OU=submitter/CN=ana');
      const lbtop = (...args: string[]) => finished(start('--connect', `localhost:${port}`, ...args));
      expect(await lbtop('run', ...files(ana), '--', 'echo', 'hello')).toMatchObject({ code: 0, stdout: 'hello\n' });
      expect(log).toContain('submitted by ana');
      const half = await lbtop('status', '--tls-ca', ana.ca);
      expect(half).toMatchObject({ code: 2, stderr: expect.stringContaining('all three of --tls-ca') });
    } finally {
      for (const child of children) child.kill('SIGKILL');
    }
  });
});
