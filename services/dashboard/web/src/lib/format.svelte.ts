/** Numbers, times and ages in the reader's language. Unknown is a dash, never zero. */
import { i18n } from './i18n.svelte';

export type Maybe = number | string | null | undefined;
export const DASH = '—';

const cache = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

function cached<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(key: string, make: (locale: string) => T): T {
  const full = `${i18n.language}:${key}`;
  let found = cache.get(full);
  if (!found) {
    found = make(i18n.language);
    cache.set(full, found);
  }
  return found as T;
}

function number(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  return cached(JSON.stringify(options), (locale) => new Intl.NumberFormat(locale, options));
}

function known(value: Maybe): number | null {
  if (value === null || value === undefined || value === '') return null;
  const parsed = Number(value);
  return Number.isFinite(parsed) ? parsed : null;
}

/** Money with two decimals; `sign` shows the plus, too. */
export function money(value: Maybe, sign = false): string {
  const parsed = known(value);
  if (parsed === null) return DASH;
  return number({ minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: sign ? 'exceptZero' : 'auto' }).format(parsed);
}

/** A price with up to seven significant digits, and no fewer decimals than it came with (up to its own precision). */
export function price(value: Maybe): string {
  const parsed = known(value);
  if (parsed === null) return DASH;
  const decimals = Math.min(8, (String(value).split('.')[1] ?? '').length);
  const room = Math.max(0, 7 - Math.max(1, Math.floor(Math.log10(Math.abs(parsed) || 1)) + 1));
  const shown = Math.min(decimals, room + (Math.abs(parsed) < 1 ? 1 : 0));
  return number({ minimumFractionDigits: shown, maximumFractionDigits: shown }).format(parsed);
}

export function quantity(value: Maybe): string {
  const parsed = known(value);
  return parsed === null ? DASH : number({ maximumSignificantDigits: 7 }).format(parsed);
}

export function count(value: Maybe): string {
  const parsed = known(value);
  return parsed === null ? DASH : number({ maximumFractionDigits: 0 }).format(parsed);
}

/** Multiples of the initial risk. */
export function r(value: Maybe): string {
  const parsed = known(value);
  return parsed === null ? DASH : `${number({ minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: 'exceptZero' }).format(parsed)} R`;
}

export function percent(ratio: number | null, digits = 2): string {
  if (ratio === null || !Number.isFinite(ratio)) return DASH;
  return number({ style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits }).format(ratio);
}

export function plain(value: Maybe, digits = 4): string {
  const parsed = known(value);
  return parsed === null ? DASH : number({ maximumSignificantDigits: digits }).format(parsed);
}

export function megabytes(bytes: Maybe): string {
  const parsed = known(bytes);
  return parsed === null ? DASH : number({ style: 'unit', unit: 'megabyte', maximumFractionDigits: 0 }).format(parsed / 2 ** 20);
}

/** up, down or flat: the colour of a result; its sign is always written, too. */
export function tone(value: Maybe): 'up' | 'down' | '' {
  const parsed = known(value);
  return parsed === null || parsed === 0 ? '' : parsed > 0 ? 'up' : 'down';
}

function date(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return cached(`d${JSON.stringify(options)}`, (locale) => new Intl.DateTimeFormat(locale, options));
}

/** Venue time of day, UTC; with the day when it is not `todayMs`'s. */
export function venueTime(ms: number | null | undefined, todayMs: number | null = null): string {
  if (ms === null || ms === undefined) return DASH;
  const day = 86_400_000;
  const sameDay = todayMs !== null && Math.floor(ms / day) === Math.floor(todayMs / day);
  const time: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: 'UTC' };
  return date(sameDay ? time : { ...time, month: 'short', day: 'numeric' }).format(ms);
}

export function venueClock(ms: number | null): string {
  if (ms === null) return DASH;
  return date({ dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC', hourCycle: 'h23' }).format(ms);
}

export function venueDay(ms: number): string {
  return date({ dateStyle: 'medium', timeZone: 'UTC' }).format(ms);
}

/** Time of day on this machine, with seconds. */
export function wallTime(ms: number): string {
  return date({ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(ms);
}

function unit(value: number, name: 'second' | 'minute' | 'hour' | 'day'): string {
  return number({ style: 'unit', unit: name, unitDisplay: 'narrow', maximumFractionDigits: 0 }).format(value);
}

/** A short length of time to a tenth of a second; a long one as `duration`. */
export function seconds(ms: number): string {
  if (ms >= 60_000) return duration(ms);
  return number({ style: 'unit', unit: 'second', unitDisplay: 'narrow', maximumFractionDigits: 1 }).format(ms / 1000);
}

/** A length of time in its largest fitting unit, or two of them. */
export function duration(ms: number | null): string {
  if (ms === null) return DASH;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return unit(seconds, 'second');
  if (seconds < 3600) return unit(Math.floor(seconds / 60), 'minute');
  if (seconds < 86_400) return `${unit(Math.floor(seconds / 3600), 'hour')} ${unit(Math.floor((seconds % 3600) / 60), 'minute')}`;
  return `${unit(Math.floor(seconds / 86_400), 'day')} ${unit(Math.floor((seconds % 86_400) / 3600), 'hour')}`;
}

/** "now", "3 sec. ago" in the reader's language. */
export function ago(ms: number | null): string {
  if (ms === null) return DASH;
  const format = cached('ago', (locale) => new Intl.RelativeTimeFormat(locale, { style: 'short', numeric: 'auto' }));
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return format.format(-seconds, 'second');
  if (seconds < 3600) return format.format(-Math.floor(seconds / 60), 'minute');
  if (seconds < 86_400) return format.format(-Math.floor(seconds / 3600), 'hour');
  return format.format(-Math.floor(seconds / 86_400), 'day');
}
