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
set(files share/doc/Fulgurite/README.md share/doc/Fulgurite/LICENSES/Apache-2.0.txt
  share/man/man1/fulgurite-engine.1 share/man/man1/fulgurite-engine-inspect-row.1
  share/bash-completion/completions/fulgurite-engine share/zsh/vendor-completions/_fulgurite-engine
  share/fish/vendor_completions.d/fulgurite-engine.fish)
if(DESKTOP)
  list(APPEND programs fulgurite)
  list(APPEND files
    share/doc/fulgurite/openapi.json
    share/doc/fulgurite/cluster/README.md
    share/doc/fulgurite/cluster/Containerfile
    share/applications/org.fulgurite.Fulgurite.desktop
    share/man/man1/fulgurite.1
    share/mime/packages/org.fulgurite.Fulgurite.xml
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

# The manual pages are without an error where man can say so, and the completions are in the shells' own language.
find_program(man man)
if(man)
  file(GLOB pages ${PREFIX}/share/man/man1/*.1)
  foreach(page IN LISTS pages)
    execute_process(COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 ${man} --warnings -E UTF-8 -l -Tutf8 -Z ${page}
      RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE complaint)
    string(REGEX REPLACE "[^\n]*cannot[ \n]+(adjust|break) line[^\n]*\n?" "" complaint "${complaint}") # a long name
    if(NOT status EQUAL 0 OR complaint MATCHES "[a-z]")
      message(FATAL_ERROR "man complains about ${page}: ${complaint}")
    endif()
  endforeach()
endif()
foreach(shell IN ITEMS bash zsh fish)
  find_program(${shell}_program ${shell})
  if(${shell}_program)
    if(shell STREQUAL bash)
      run(${bash_program} -n ${PREFIX}/share/bash-completion/completions/fulgurite-engine)
    elseif(shell STREQUAL zsh)
      run(${zsh_program} -n ${PREFIX}/share/zsh/vendor-completions/_fulgurite-engine)
    else()
      run(${fish_program} --no-execute ${PREFIX}/share/fish/vendor_completions.d/fulgurite-engine.fish)
    endif()
  endif()
endforeach()

find_program(desktop_file_validate desktop-file-validate)
if(DESKTOP AND desktop_file_validate)
  run(${desktop_file_validate} ${PREFIX}/share/applications/org.fulgurite.Fulgurite.desktop)
endif()
message(STATUS "complete: ${programs}")
