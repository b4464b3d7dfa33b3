# Folders of a package are open to all, whatever the umask of who makes it: the service runs as a user
# of its own, and reads what is in them.
execute_process(COMMAND find ${CPACK_TEMPORARY_DIRECTORY} -type d -exec chmod 755 {} +
  COMMAND_ERROR_IS_FATAL ANY)
