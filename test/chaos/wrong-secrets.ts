/** Whoever tries secrets: none gets in, and those who hold the right one still do. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectClient } from '../../source/client/client.ts';
import { startFleet } from '../../source/simulation/fleet.ts';
import { connect } from '../../source/wire/endpoint.ts';
import { roles } from '../../source/wire/messages.ts';
import { loadSecret } from '../../source/wire/secret.ts';
import { program } from '../helpers/lbtop.ts';

export interface WrongSecrets {
  tries: number;
  /** Of those: let in, told that the secret is wrong, cut without an answer. */
  letIn: number;
  refused: number;
  cut: number;
  tookMs: number;
  /** How long a client with the right secret, from the same address, waited for an answer while they tried. */
  rightMs: number[];
  /** What the coordinator logged meanwhile. */
  lines: number;
  /** Whether any of it holds the secret or a part of it. */
  told: boolean;
}

/** Shows a coordinator so many wrong secrets, `atOnce` at a time; every other differs from the right one by one bit. */
export async function tryWrongSecrets(tries: number, atOnce: number): Promise<WrongSecrets> {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-wrong-'));
  const [node, cli] = program();
  const log: string[] = [];
  const fleet = await startFleet({ program: [node, cli], directory, log: (line) => log.push(line) });
  const { host, port } = fleet;
  try {
    const secret = await loadSecret(fleet.secretFile);
    const seen = { letIn: 0, refused: 0, cut: 0 };
    const rightMs: number[] = [];
    let left = tries;
    const began = performance.now();

    async function tryOne(number: number): Promise<void> {
      const wrong = number % 2 === 0 ? randomBytes(secret.length) : Buffer.from(secret);
      if (number % 2 === 1)
        wrong[number % secret.length] = (wrong[number % secret.length] as number) ^ (1 << (number % 8));
      const role = roles[number % roles.length] ?? 'viewer';
      const events = { messages() {}, closed() {} };
      try {
        const connection = await connect({
          ...{ host, port, secret: wrong, role, who: 'guess', version: '0', timeoutMs: 30_000, events },
        });
        seen.letIn += 1;
        connection.destroy('let in');
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : null;
        if (code === 'refused') seen.refused += 1;
        else seen.cut += 1;
      }
    }

    async function guess(): Promise<void> {
      while (left > 0) await tryOne(left--);
    }

    async function belong(): Promise<void> {
      while (left > 0) {
        const asked = performance.now();
        const client = await connectClient({ host, port, secret, role: 'viewer', who: 'right', timeoutMs: 20_000 });
        await client.request('status', {});
        client.close();
        rightMs.push(performance.now() - asked);
      }
    }

    await Promise.all([belong(), ...Array.from({ length: atOnce }, guess)]);
    const all = log.join('\n');
    const forms = [
      secret.toString('base64url'),
      secret.toString('hex'),
      secret.toString('base64'),
      secret.toString('latin1'),
    ];
    return {
      tries,
      ...seen,
      tookMs: performance.now() - began,
      rightMs,
      lines: log.length,
      told: forms.some((form) => all.includes(form.slice(0, 16))),
    };
  } finally {
    await fleet.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Prints what became of 10,000 wrong secrets. */
export async function showWrongSecrets(): Promise<void> {
  const seen = await tryWrongSecrets(10_000, 100);
  console.log(
    `${seen.tries} wrong secrets in ${Math.round(seen.tookMs / 1_000)} s: ${seen.letIn} let in, ${seen.refused} refused, ${seen.cut} cut; ` +
      `a client with the right one, from the same address, has its answer within ${Math.round(Math.max(...seen.rightMs))} ms ` +
      `(${seen.rightMs.length} tries); ${seen.lines} lines logged, ${seen.told ? 'WITH' : 'without'} the secret`,
  );
  if (seen.letIn > 0 || seen.told) process.exitCode = 1;
}
