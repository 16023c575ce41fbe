/** Somebody who has registered: plain data, no I/O. */
export interface Customer {
  /** Chosen by whoever registers them. */
  readonly customerId: string;
  readonly name: string;
  readonly email: string;
}

/** An address as it is compared and kept: people write it with blanks and capitals. */
export function tidied(customer: Customer): Customer {
  const { customerId, name, email } = customer;
  return { customerId, name: name.trim(), email: email.trim().toLowerCase() };
}
