/**
 * The functions of proxy auto-configuration files that look at the time (Netscape 1996): ranges of
 * weekdays, dates and times of day, both ends included, which may run over the turn of the week, the
 * year or the day. The last argument "GMT" means that time instead of the local one.
 */

type Argument = unknown;

const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

/** What scripts find under these names. */
export function timeFunctions(now: () => Date): Readonly<Record<string, (...words: Argument[]) => boolean>> {
  return {
    weekdayRange: (...words) => weekdayRange(momentOf(words, now())),
    dateRange: (...words) => dateRange(momentOf(words, now())),
    timeRange: (...words) => timeRange(momentOf(words, now())),
  };
}

/** The arguments without "GMT", and the time they are about. */
interface Moment {
  readonly words: readonly Argument[];
  readonly weekday: number;
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  readonly secondOfDay: number;
}

function momentOf(words: readonly Argument[], at: Date): Moment {
  const isGmt = words.at(-1) === 'GMT';
  // The fields of the shifted time in UTC are those of local time.
  const shifted = isGmt ? at : new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return {
    words: isGmt ? words.slice(0, -1) : words,
    weekday: shifted.getUTCDay(),
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth() + 1,
    day: shifted.getUTCDate(),
    secondOfDay: shifted.getUTCHours() * 3600 + shifted.getUTCMinutes() * 60 + shifted.getUTCSeconds(),
  };
}

function weekdayRange({ words, weekday }: Moment): boolean {
  const [first = -1, last = first] = words.map((word) => WEEKDAYS.indexOf(String(word)));
  return first >= 0 && last >= 0 && isWithin(weekday, first, last);
}

/** Hours; hours twice; hours and minutes twice; hours, minutes and seconds twice. */
function timeRange({ words, secondOfDay }: Moment): boolean {
  const numbers = words.map(Number);
  if (numbers.some((number) => !Number.isInteger(number)) || ![1, 2, 4, 6].includes(numbers.length)) return false;
  const half = Math.ceil(numbers.length / 2);
  const secondsOf = (part: readonly number[]): number =>
    (part[0] ?? 0) * 3600 + (part[1] ?? 0) * 60 + (part[2] ?? 0);
  const first = secondsOf(numbers.slice(0, half));
  if (numbers.length === 1) return isWithin(secondOfDay, first, first + 3599);
  return isWithin(secondOfDay, first, secondsOf(numbers.slice(half)));
}

/** A day, a month or a year; two of a kind; or two dates with the same kinds of parts. */
function dateRange({ words, day, month, year }: Moment): boolean {
  const parts = words.map(partOf);
  const kinds = parts.map((part) => part?.kind);
  const half = parts.length === 1 ? 1 : parts.length / 2;
  if (parts.length < 1 || parts.length > 6 || !Number.isInteger(half) || kinds.includes(undefined)) return false;
  const now = { day, month, year };
  const numberOf = (of: readonly (DatePart | undefined)[]): number =>
    of.reduce((sum, part) => sum + (part === undefined ? 0 : part.value * WEIGHTS[part.kind]), 0);
  const [from, to] = [parts.slice(0, half), parts.length === 1 ? parts : parts.slice(half)];
  if (from.some((part, index) => part?.kind !== to[index]?.kind)) return false;
  const nowParts = from.map((part) => part && { kind: part.kind, value: now[part.kind] });
  const [first, last] = [numberOf(from), numberOf(to)];
  // Years do not turn.
  if (kinds.includes('year') && first > last) return false;
  return isWithin(numberOf(nowParts), first, last);
}

interface DatePart {
  readonly kind: 'day' | 'month' | 'year';
  readonly value: number;
}

const WEIGHTS = { day: 1, month: 32, year: 512 } as const;

function partOf(word: Argument): DatePart | undefined {
  const month = MONTHS.indexOf(String(word));
  if (month >= 0) return { kind: 'month', value: month + 1 };
  const value = Number(word);
  if (!Number.isInteger(value) || value < 1 || value > 9999) return undefined;
  return { kind: value <= 31 ? 'day' : 'year', value };
}

function isWithin(value: number, first: number, last: number): boolean {
  return first <= last ? value >= first && value <= last : value >= first || value <= last;
}
