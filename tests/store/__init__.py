import pytest

# The contract is no test module by name; its asserts shall explain themselves all the same.
pytest.register_assert_rewrite("tests.store.contract")
