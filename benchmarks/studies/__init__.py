"""What is measured on the appliance alone: how it grows, what a slow line costs a login, and what the machine would allow."""
