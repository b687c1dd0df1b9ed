export function Race() {
  return <h1>Optimizer race</h1>;
}
