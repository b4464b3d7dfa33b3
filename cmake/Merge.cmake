# cmake -DARCHIVE=a.a -DADD=b.a -DAR=ar -P Merge.cmake: adds the members of one archive to another.
file(WRITE ${ARCHIVE}.mri "OPEN ${ARCHIVE}\nADDLIB ${ADD}\nSAVE\nEND\n")
execute_process(COMMAND ${AR} -M INPUT_FILE ${ARCHIVE}.mri RESULT_VARIABLE failed)
file(REMOVE ${ARCHIVE}.mri)
if(failed)
  message(FATAL_ERROR "cannot merge ${ADD} into ${ARCHIVE}")
endif()
