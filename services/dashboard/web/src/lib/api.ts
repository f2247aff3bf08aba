/** Requests to our own server; the token against forged requests goes with everything that changes something. */
import type { Command, Confirmed, PositionRow, SessionAnswer, StopMoved } from './types';

let csrf = '';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
  }
}

async function ask<T>(path: string, body?: unknown): Promise<T> {
  const post = body !== undefined;
  const headers: Record<string, string> = post ? { 'content-type': 'application/json', 'x-csrf-token': csrf } : {};
  let response: Response;
  try {
    response = await fetch(path, { method: post ? 'POST' : 'GET', headers, body: post ? JSON.stringify(body) : null, credentials: 'same-origin' });
  } catch {
    throw new ApiError(0, 'no_answer', '');
  }
  const answer: unknown = await response.json().catch(() => ({}));
  if (response.ok) return answer as T;
  const problem = answer as { code?: string; message?: string; retry_after_s?: number | null };
  throw new ApiError(response.status, problem.code ?? 'error', problem.message ?? '', problem.retry_after_s ?? null);
}

export async function session(): Promise<SessionAnswer> {
  return keep(await ask<SessionAnswer>('/api/session'));
}

export async function login(password: string): Promise<SessionAnswer> {
  return keep(await ask<SessionAnswer>('/api/login', { password }));
}

export async function logout(): Promise<SessionAnswer> {
  return keep(await ask<SessionAnswer>('/api/logout', {}));
}

/** `position`: the one that the person saw; when another one is open by then, it is not touched. */
export function command(name: Command, reason: string, position?: PositionRow): Promise<Confirmed> {
  const which = position ? { symbol: position.symbol, position_id: position.position_id ?? null } : {};
  return change('/api/control', { command: name, reason, confirm: true, ...which });
}

/** Answers when the venue has the new stop; a refusal is an ApiError whose code says why. */
export function moveStop(symbol: string, kind: 'break_even' | 'price', price?: string): Promise<StopMoved> {
  return change('/api/stop', { symbol, kind, confirm: true, ...(price ? { price } : {}) });
}

async function change<T>(path: string, body: unknown): Promise<T> {
  try {
    return await ask<T>(path, body);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'csrf') throw error;
    await session(); // the server was restarted: it has a new token, and changed nothing
    return ask<T>(path, body);
  }
}

function keep(answer: SessionAnswer): SessionAnswer {
  csrf = answer.csrf ?? '';
  return answer;
}
