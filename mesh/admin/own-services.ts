const ownServices = /^(weft\.admin|weft\.lane|grpc\.health|grpc\.reflection)\./;

/** Whether a method, by its full name, is one by which the mesh asks itself: it would drown a quiet service. */
export function isOwn(method: string): boolean {
  return ownServices.test(method);
}
