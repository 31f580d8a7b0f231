"""Drop-in packages: the public interface of other CEL libraries over this engine."""
