# SPDX-License-Identifier: Apache-2.0
# Installs into PREFIX, looks for every file that a package must hold, and asks both programs for their version there.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "`${ARGN}` ended with ${status}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${PREFIX})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${PREFIX})

set(programs fulgurite-engine)
set(files share/doc/Fulgurite/README.md share/doc/Fulgurite/LICENSES/Apache-2.0.txt)
if(DESKTOP)
  list(APPEND programs fulgurite)
  list(APPEND files
    share/applications/org.fulgurite.Fulgurite.desktop
    share/metainfo/org.fulgurite.Fulgurite.metainfo.xml
    share/icons/hicolor/scalable/apps/org.fulgurite.Fulgurite.svg)
endif()
foreach(name IN ITEMS config.json tokenizer.json)
  if(EXISTS ${SOURCE_DIR}/resources/models/ember/${name})
    list(APPEND files share/fulgurite/models/ember/${name})
  endif()
endforeach()

foreach(size IN ITEMS s m l)
  list(APPEND files share/fulgurite/models/spyglass-${size}/model.safetensors)
endforeach()
list(APPEND files share/fulgurite/images/scenes/captions.jsonl)

foreach(file IN LISTS files)
  if(NOT EXISTS ${PREFIX}/${file})
    message(FATAL_ERROR "the installation lacks ${file}")
  endif()
endforeach()
foreach(program IN LISTS programs)
  run(${PREFIX}/bin/${program} --version)
  if(NOT output MATCHES "${VERSION}")
    message(FATAL_ERROR "${program} --version says '${output}', not ${VERSION}")
  endif()
endforeach()

find_program(desktop_file_validate desktop-file-validate)
if(DESKTOP AND desktop_file_validate)
  run(${desktop_file_validate} ${PREFIX}/share/applications/org.fulgurite.Fulgurite.desktop)
endif()
message(STATUS "complete: ${programs}")
