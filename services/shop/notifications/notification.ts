/** What a customer is told, in words: texts made of plain data, no I/O. */

/** One article and how many of it. */
export interface Line {
  readonly sku: string;
  readonly quantity: number;
}

/** What a customer is told about. */
export type News =
  | {
      readonly kind: 'confirmed';
      readonly orderId: string;
      readonly lines: readonly Line[];
      /** In minor units, as it came: nothing here calculates with it. */
      readonly total: { readonly minorUnits: bigint; readonly currency: string };
    }
  | { readonly kind: 'declined'; readonly orderId: string; readonly reason: string }
  | { readonly kind: 'shipped'; readonly orderId: string };

/** One message to a customer. */
export interface Notification {
  /** The event that caused it, and its key. */
  readonly eventId: string;
  readonly orderId: string;
  readonly customerId: string;
  readonly text: string;
  /** Wall ms. */
  readonly sentAtMs: number;
}

/** The reasons of Order.decline_reason, as a customer understands them. */
const reasons: Readonly<Record<string, string>> = {
  OUT_OF_STOCK: 'an article is sold out',
  UNKNOWN_SKU: 'an article is not in our catalogue',
  CARD_DECLINED: 'your card was declined',
  AMOUNT_TOO_HIGH: 'the amount is higher than your card allows',
};

/** The message, as the customer reads it. A reason that is not known yet is told as it came. */
export function textOf(news: News): string {
  switch (news.kind) {
    case 'confirmed': {
      const goods = news.lines
        .map(({ sku, quantity }) => `${String(quantity)} x ${sku}`)
        .join(', ');
      return `Thank you! Your order ${news.orderId} is confirmed: ${goods}, ${formatMoney(news.total)}.`;
    }
    case 'declined': {
      const why = reasons[news.reason] ?? news.reason;
      return `We are sorry: your order ${news.orderId} was declined, because ${why}. You were not charged.`;
    }
    case 'shipped':
      return `Your order ${news.orderId} is packed and on its way to you.`;
  }
}

/** "21.00 EUR": as many decimals as the currency has, without a detour over floating point. */
export function formatMoney({
  minorUnits,
  currency,
}: {
  minorUnits: bigint;
  currency: string;
}): string {
  const places = decimalsOf(currency);
  const sign = minorUnits < 0n ? '-' : '';
  const digits = String(minorUnits < 0n ? -minorUnits : minorUnits).padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const fraction = places === 0 ? '' : `.${digits.slice(-places)}`;
  return `${sign}${whole}${fraction} ${currency}`;
}

/** Asking Intl costs more than everything else that is done for a message, and its answers do not change. */
const decimals = new Map<string, number>();

function decimalsOf(currency: string): number {
  const known = decimals.get(currency);
  if (known !== undefined) return known;
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  const asked = format.resolvedOptions().maximumFractionDigits ?? 2;
  decimals.set(currency, asked);
  return asked;
}
